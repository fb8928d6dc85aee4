import { readRefused, isUncertain } from "./claimed.ts";
import { Failure } from "./failure.ts";
import { countsOf, type Queue, takenOf } from "./queue.ts";
import { type BullSchedule, readSchedules } from "./schedules.ts";
import type { Importing, Taker } from "./take.ts";
import type { Abandoned } from "./abandoned.ts";

export interface Finishing extends Importing {
  /** Refused jobs of which it is unknown whether the product has them count as taken. */
  uncertain: boolean;
  /** How long to wait for an empty queue, in milliseconds. */
  maxWaitMs: number;
}

/** Three looks at an empty queue, this far apart: a minute together. Milliseconds. */
export const lookEvery = 30_000;
const looksNeeded = 3;

export interface Finished {
  /** Whether nothing is left. */
  done: boolean;
  /** Why not, in a sentence. */
  left: string;
  /** Schedules that were taken over. */
  schedules: { label: string; name: string; tenant: string }[];
}

/**
 * Goes on taking until nothing but schedules is left, puts these on in the product and removes them from Redis, and looks three times over a minute
 * whether the queue stays empty. Then the queue is marked as finished, and nothing can be put back any more.
 */
export async function finish(finishing: Finishing, taker: Taker, abandoned: Abandoned): Promise<Finished> {
  const { connection, now, sleep, signal } = finishing;
  const { queue } = taker;
  const until = now() + finishing.maxWaitMs;
  const result: Finished = { done: false, left: "", schedules: [] };
  for (let looks = 0; looks < looksNeeded;) {
    await taker.take();
    await taker.takeActive(await abandoned.look(connection, queue, now()));
    await refuseRefused(finishing, queue);
    result.left = await leftOf(finishing, queue, taker);
    if (result.left === "" && looks === 0) result.schedules.push(...(await takeOver(finishing, queue)));
    if (result.left === "") result.left = await strictlyLeft(finishing, queue);
    looks = result.left === "" ? looks + 1 : 0;
    if (looks === looksNeeded) break;
    if (signal.aborted || now() > until) return result;
    finishing.trouble(
      looks === 0 ? `The queue ${queue.name} is not empty: ${result.left}` : `The queue ${queue.name} is empty (look ${looks} of ${looksNeeded}).`,
    );
    if (!(await sleep(looks === 0 ? 2000 : lookEvery))) return result;
  }
  await connection.client.set(`${queue.base}jobyard:finished`, now());
  return { ...result, done: true };
}

async function refuseRefused(finishing: Finishing, queue: Queue): Promise<void> {
  const refused = [...(await readRefused(finishing.connection, queue)).values()].filter((refusal) => !(finishing.uncertain && isUncertain(refusal)));
  if (refused.length === 0) return;
  const help = refused.every(isUncertain)
    ? "look into the product whether it has them; --finish --uncertain counts them as taken"
    : "mend the map and --take again, or put them back with --rollback";
  throw new Failure(
    1,
    `${refused.length} jobs of the queue ${queue.name} were taken and refused by the product (${refused[0]!.code}: ${refused[0]!.detail}): ${help}.`,
  );
}

/** What is left but runs of schedules; "" when nothing is. */
async function leftOf({ connection }: Finishing, queue: Queue, taker: Taker): Promise<string> {
  const counts = await countsOf(connection, queue);
  const scheduled = taker.tally.left.get("schedule")?.count ?? 0;
  const waiting = counts.wait + counts.paused + counts.prioritized + counts.delayed;
  if (waiting <= scheduled && counts.active === 0) return "";
  return sentenceOf(counts);
}

async function strictlyLeft({ connection }: Finishing, queue: Queue): Promise<string> {
  const counts = await countsOf(connection, queue);
  const { claimed } = await takenOf(connection, queue);
  if (claimed > 0) return `${claimed} jobs are claimed, and the product has not answered for them yet.`;
  return counts.wait + counts.paused + counts.prioritized + counts.delayed + counts.active === 0 ? "" : sentenceOf(counts);
}

function sentenceOf({ wait, paused, prioritized, delayed, active }: Record<string, number>): string {
  const parts = Object.entries({ wait, paused, prioritized, delayed, active }).filter(([, count]) => (count ?? 0) > 0);
  return `${parts.map(([state, count]) => `${count} ${state}`).join(", ")}.`;
}

async function takeOver(finishing: Finishing, queue: Queue): Promise<Finished["schedules"]> {
  const schedules = await readSchedules(finishing.connection, queue, finishing.map, finishing.destination.judge, finishing.now());
  const faulty = schedules.flatMap(({ label, ours }) => ("fault" in ours ? [`  ${label}: ${ours.fault}`] : []));
  if (faulty.length > 0) {
    throw new Failure(
      1,
      `These schedules of the queue ${queue.name} cannot be taken over. Make them in the product by hand and remove them from Bull, or mend the map:\n${faulty.join("\n")}`,
    );
  }
  const taken = [];
  for (const schedule of schedules) taken.push(await takeOne(finishing, queue, schedule));
  return taken;
}

/** On in the product first, then off in Redis: a crash in between runs it twice rather than never. */
async function takeOne({ connection, product }: Finishing, queue: Queue, { member, idPrefixes, label, ours }: BullSchedule) {
  if ("fault" in ours) throw new Failure(1, `${label}: ${ours.fault}`);
  const { tenant, name, body } = ours;
  const path = `/v1/schedules/${name}`;
  const there = await product.expect([200, 404], "GET", path, { tenant });
  if (there.status === 404) await product.expect([200, 201], "PUT", path, { tenant, body });
  else if (there.body["enabled"] === false)
    throw new Failure(1, `The schedule ${name} of ${tenant} is there, but switched off. Switch it on, and finish again.`);
  await connection.run("unschedule", `${queue.base}repeat`, queue.base, member, JSON.stringify({ tenant, name }), ...idPrefixes);
  return { label, name, tenant };
}

/** Schedules that were taken over and are back: a producer makes them when it starts. They would run in both. */
export async function cameBack({ connection: { client } }: Pick<Importing, "connection">, queue: Queue): Promise<string[]> {
  const known = await client.hkeys(`${queue.base}jobyard:schedules`);
  if (known.length === 0) return [];
  const there = await client.zmscore(`${queue.base}repeat`, ...known);
  return known.filter((_, index) => there[index] !== null);
}

/** Removes the hashes of taken jobs, and what the importer remembered of them. @returns How many. */
export async function drop({ connection: { client } }: Pick<Importing, "connection">, queue: Queue): Promise<number> {
  const own = `${queue.base}jobyard:`;
  let dropped = 0;
  for (;;) {
    const [, flat] = await client.hscan(`${own}from`, 0, "COUNT", 200);
    const ids = flat.filter((_, index) => index % 2 === 0);
    if (ids.length === 0) break;
    for (const id of ids) await client.del(`${queue.base}${id}`, `${queue.base}${id}:logs`);
    await client.hdel(`${own}from`, ...ids);
    dropped += ids.length;
  }
  await client.del(...["done", "refused", "request", "back", "seq", "claimed"].map((name) => own + name));
  return dropped;
}
