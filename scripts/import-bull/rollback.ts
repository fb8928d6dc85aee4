import { isUncertain, readClaimed, readRefused, type Taken } from "./claimed.ts";
import { interrupted } from "./failure.ts";
import type { Product } from "./product.ts";
import { claimedKey, type Queue } from "./queue.ts";
import type { Selection } from "./request.ts";
import { sendClaimed, type Sending } from "./send.ts";

export interface RollingBack extends Sending {
  selection: Selection;
  /** Puts back what may be in the product too. */
  uncertain: boolean;
  progress: (queue: Queue, done: number, total: number) => void;
}

export interface RolledBack {
  restored: number;
  /** Jobs that stay in the product, by why. */
  stay: Map<string, number>;
  /** Ids of jobs of which it is unknown whether the product has them. */
  uncertain: string[];
  /** Nothing can be put back any more. */
  isFinished: boolean;
}

interface Candidate {
  id: string;
  taken: Taken;
  /** In the product; undefined for a refused job. */
  jobId: string | undefined;
}

const hour = 3_600_000;
const window = 200;
const lanes = 8;
/** Milliseconds that a dead rollback keeps others from taking. */
const flagFor = 30_000;

/**
 * Puts back what was taken of a queue and has not run in the product, the last taken first: lists and sets are then as before.
 * What is claimed is first sent to the product with an hour's delay: under its key that either finds the job or makes one that cannot start.
 * A job that was decided to go back is noted before it is cancelled, so that a rollback that was killed goes on with it.
 */
export async function rollBack(rolling: RollingBack, queue: Queue): Promise<RolledBack> {
  const { connection } = rolling;
  const own = `${queue.base}jobyard:`;
  const result: RolledBack = { restored: 0, stay: new Map(), uncertain: [], isFinished: (await connection.client.exists(`${own}finished`)) === 1 };
  if (result.isFinished || (await connection.client.exists(`${own}from`)) === 0) return result;
  await connection.client.incr(`${own}generation`);
  const hold = () => connection.client.set(`${own}rollback`, "1", "PX", flagFor);
  await hold();
  if (rolling.uncertain) await restoreClaimed(rolling, queue, result);
  else await sendClaimed(rolling, queue, hour);
  const candidates = await candidatesOf(rolling, queue, result);
  for (let from = 0; from < candidates.length; from += window) {
    await hold();
    const part = candidates.slice(from, from + window);
    const back = await inLanes(part, (each) => isFree(rolling, queue, each, result));
    await restore(
      rolling,
      queue,
      part.filter((_, index) => back[index]),
      result,
    );
    rolling.progress(queue, from + part.length, candidates.length);
  }
  await connection.client.del(`${own}rollback`);
  return result;
}

async function restoreClaimed(rolling: RollingBack, queue: Queue, result: RolledBack): Promise<void> {
  const claimed = (await readClaimed(rolling.connection, queue)).filter(({ taken }) => isSelected(rolling, taken));
  await restore(rolling, queue, claimed.toReversed(), result);
}

/** The last taken first. */
async function candidatesOf(rolling: RollingBack, queue: Queue, result: RolledBack): Promise<Candidate[]> {
  const { client } = rolling.connection;
  const own = `${queue.base}jobyard:`;
  const [from, done, refused] = await Promise.all([client.hgetall(`${own}from`), client.hgetall(`${own}done`), readRefused(rolling.connection, queue)]);
  const all = Object.entries(from).flatMap(([id, text]) => {
    const taken = JSON.parse(text) as Taken;
    const refusal = refused.get(id);
    if (!isSelected(rolling, taken) || (done[id] === undefined && refusal === undefined)) return [];
    if (refusal && isUncertain(refusal) && !rolling.uncertain) {
      result.uncertain.push(id);
      return [];
    }
    return [{ id, taken, jobId: done[id] }];
  });
  return all.toSorted((a, b) => b.taken.seq - a.taken.seq);
}

function isSelected({ selection: { names, tenants }, product }: RollingBack, { name, tenant }: Taken): boolean {
  if (product.tenant !== undefined && tenant !== product.tenant) return false;
  return (names.length === 0 || names.includes(name)) && (tenants.length === 0 || tenants.includes(tenant));
}

/** Whether the product will not run the job: it never had it, or it is cancelled now and never began. */
async function isFree(rolling: RollingBack, queue: Queue, { id, jobId, taken }: Candidate, result: RolledBack): Promise<boolean> {
  const { connection, product } = rolling;
  const { tenant } = taken;
  if (jobId === undefined) return true;
  if (!(await connection.client.exists(queue.base + id))) return stays(result, "its hash is gone from Redis");
  const view = await product.expect([200, 404], "GET", `/v1/jobs/${jobId}`, { tenant });
  if (view.status === 404) return stays(result, "the product no longer keeps it");
  const back = `${queue.base}jobyard:back`;
  const state = String(view.body["state"]);
  const isUntouched = Number(view.body["runs"] ?? 0) === 0;
  if (state === "cancelled") return (isUntouched && (await connection.client.hexists(back, id)) === 1) || stays(result, "cancelled in the product");
  // A dead letter does not run by itself; it stays on the list there until it is dismissed.
  if (taken.place === "failed" && isUntouched && state === "discarded") return true;
  if (!isUntouched || !["queued", "waiting"].includes(state)) return stays(result, state);
  await connection.client.hset(back, id, jobId);
  const cancelled = await product.expect([200, 409], "POST", `/v1/jobs/${jobId}/cancel`, { tenant });
  if (cancelled.status === 200 && cancelled.body["state"] === "cancelled") return true;
  // It began in this moment.
  return (await settled(product, tenant, jobId, rolling)) || stays(result, "it had just begun");
}

/** A job that was asked to end while it ran must not be lost: it is either put back, or runs again in the product. */
async function settled(product: Product, tenant: string, jobId: string, { sleep }: RollingBack): Promise<boolean> {
  for (;;) {
    const { body } = await product.expect([200], "GET", `/v1/jobs/${jobId}`, { tenant });
    if (body["state"] === "cancelled") {
      if (Number(body["runs"] ?? 0) === 0) return true;
      await product.expect([202, 409], "POST", `/v1/jobs/${jobId}/retry`, { tenant });
      return false;
    }
    if (["done", "discarded", "dead"].includes(String(body["state"]))) return false;
    if (!(await sleep(1000))) throw interrupted();
  }
}

function stays(result: RolledBack, why: string): false {
  result.stay.set(why, (result.stay.get(why) ?? 0) + 1);
  return false;
}

async function restore({ connection }: RollingBack, queue: Queue, all: readonly { id: string }[], result: RolledBack): Promise<void> {
  for (let from = 0; from < all.length; from += window) {
    const ids = all.slice(from, from + window).map(({ id }) => id);
    result.restored += Number(await connection.run("restore", claimedKey(queue), queue.base, queue.library, queue.major, ...ids));
  }
}

async function inLanes<Item, Result>(items: readonly Item[], act: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  const next = items.entries();
  const lane = async () => {
    for (const [index, item] of next) results[index] = await act(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}
