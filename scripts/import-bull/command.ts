import { Abandoned } from "./abandoned.ts";
import { readRefused } from "./claimed.ts";
import { Failure } from "./failure.ts";
import { cameBack, drop, finish } from "./finish.ts";
import { readMap } from "./map.ts";
import type { Options } from "./options.ts";
import { isBlocked, planQueue } from "./plan.ts";
import { countsOf, openQueue, type Queue } from "./queue.ts";
import { connect, fromRedis } from "./redis.ts";
import { finishLines, type Lines, planLines, rollbackLines, takeLines } from "./report.ts";
import { rollBack } from "./rollback.ts";
import { openSession, openTakers, type Session, type Surroundings, takersOf } from "./session.ts";
import type { Taker } from "./take.ts";

export interface Result {
  /** 0: done, and nothing needs a person; 1: something does. */
  code: 0 | 1;
  /** Markdown. */
  report: string;
}

const followEvery = 1000;

/** Runs one command from beginning to end. Throws a Failure when it cannot. */
export async function runImport(options: Options, surroundings: Surroundings): Promise<Result> {
  if (options.mode === "finish" && options.names.length + options.tenants.length > 0)
    throw new Failure(2, "--finish is about whole queues: leave out --name and --tenant.");
  const map = readMap(options.map);
  const connection = await connect(options.url);
  try {
    const session = await openSession(options, map, connection, surroundings);
    const { code, lines } = await verbs[options.mode](session);
    return {
      code,
      report: [
        `# Import from Bull: ${options.mode}`,
        "",
        `Redis ${connection.name}, prefix \`${options.prefix}\`, ${new Date(surroundings.now()).toISOString()}`,
        ...(session.missing.length > 0 ? ["", `Not there, so no job was ever added: ${session.missing.map((name) => `\`${name}\``).join(", ")}.`] : []),
        ...lines,
        "",
      ].join("\n"),
    };
  } catch (cause) {
    throw fromRedis(connection.name, cause) ?? cause;
  } finally {
    surroundings.progress.end();
    connection.close();
  }
}

interface Outcome {
  code: 0 | 1;
  lines: Lines;
}

const verbs: Record<Options["mode"], (session: Session) => Promise<Outcome>> = { plan, take, follow, rollback, finish: finishAll };

async function plan(session: Session): Promise<Outcome> {
  let code: Outcome["code"] = 0;
  const lines: Lines = [];
  for (const [index, queue] of session.queues.entries()) {
    session.surroundings.progress.show("queues", index, session.queues.length);
    const planned = await planQueue({ ...session, judge: session.destination.judge }, queue);
    if (isBlocked(planned)) code = 1;
    lines.push(...planLines(planned, session.destination.attempts));
  }
  const sure = session.target ? [] : ["", "Types, tenants and payloads were not compared with the product: name it with `--to` and `--token`."];
  const verdict =
    code === 0 ? "All jobs that are not left to the old workers can be taken." : "**Something has to be mended before all jobs can be taken**: see below.";
  return { code, lines: ["", session.queues.length === 0 ? "There are no queues under this prefix." : verdict, ...sure, ...lines] };
}

async function take(session: Session): Promise<Outcome> {
  const takers = await takersOf(session);
  const abandoned = takers.map(() => new Abandoned(session.options.lockSeconds * 1000));
  const look = async () => {
    for (const [index, taker] of takers.entries()) await taker.takeActive(await abandoned[index]!.look(session.connection, taker.queue, session.now()));
  };
  await look();
  for (const taker of takers) {
    await taker.resume();
    await taker.take();
  }
  const wait = Math.max(0, ...abandoned.map((each) => each.wait(session.now())));
  if (wait > 0 && !session.signal.aborted) {
    session.trouble(`Active jobs have no lock: looking again in ${Math.ceil(wait / 1000)} s whether their worker is dead.`);
    await session.sleep(wait);
    await look();
  }
  const { code, lines } = await reportOf(session, takers);
  return session.signal.aborted ? { code: 1, lines: ["", "**Interrupted.** Run the same command again for the rest.", ...lines] } : { code, lines };
}

async function follow(session: Session): Promise<Outcome> {
  const followed: { taker: Taker; abandoned: Abandoned }[] = [];
  const add = async (queues: readonly Queue[]) => {
    for (const taker of await openTakers(session, queues)) {
      await taker.resume();
      followed.push({ taker, abandoned: new Abandoned(session.options.lockSeconds * 1000) });
    }
  };
  await add(session.queues);
  const awaited = new Set(session.missing);
  for (;;) {
    for (const each of followed) await followOnce(session, each.taker, each.abandoned);
    if (session.signal.aborted || (await allFinished(session, followed))) break;
    await session.sleep(followEvery);
    for (const name of awaited) {
      const queue = await openQueue(session.connection, session.options.prefix, name);
      if (queue && awaited.delete(name)) await add([queue]);
    }
  }
  return reportOf(
    session,
    followed.map(({ taker }) => taker),
  );
}

async function followOnce(session: Session, taker: Taker, abandoned: Abandoned): Promise<void> {
  const { queue } = taker;
  await taker.take();
  await taker.takeActive(await abandoned.look(session.connection, queue, session.now()));
  for (const member of await cameBack(session, queue)) {
    report(session, taker, `The schedule ${member} came back: a producer makes it when it starts, and it runs in both systems. Remove it from the producer.`);
  }
}

async function allFinished({ connection: { client } }: Session, followed: readonly { taker: Taker }[]): Promise<boolean> {
  const finished = await Promise.all(followed.map(({ taker: { queue } }) => client.exists(`${queue.base}jobyard:finished`)));
  return finished.length > 0 && finished.every((each) => each === 1);
}

function report(session: Session, { tally }: Taker, error: string): void {
  if (!tally.errors.has(error)) session.trouble(error);
  tally.errors.add(error);
}

async function rollback(session: Session): Promise<Outcome> {
  const { progress } = session.surroundings;
  const lines: Lines = [];
  let code: Outcome["code"] = 0;
  for (const queue of session.queues) {
    const rolled = await rollBack(
      { ...session, uncertain: session.options.uncertain, progress: ({ name }, done, total) => progress.show(name, done, total) },
      queue,
    );
    if (rolled.uncertain.length > 0 || rolled.isFinished) code = 1;
    lines.push(...rollbackLines(queue, rolled));
  }
  return { code, lines };
}

async function finishAll(session: Session): Promise<Outcome> {
  const takers = await takersOf(session);
  for (const taker of takers) await taker.resume();
  const finishing = { ...session, uncertain: session.options.uncertain, maxWaitMs: session.options.waitSeconds * 1000 };
  const finished = await Promise.all(takers.map((taker) => finish(finishing, taker, new Abandoned(session.options.lockSeconds * 1000))));
  const lines: Lines = [];
  for (const [index, { queue }] of takers.entries()) {
    const each = finished[index]!;
    lines.push(...finishLines(queue, each, session.options.drop && each.done ? await drop(session, queue) : undefined));
  }
  return { code: finished.every(({ done }) => done) ? 0 : 1, lines };
}

async function reportOf(session: Session, takers: readonly Taker[]): Promise<Outcome> {
  const parts = await Promise.all(
    takers.map(async ({ queue, tally }) => {
      const refused = await readRefused(session.connection, queue);
      const lines = takeLines(queue, tally, refused, await countsOf(session.connection, queue), [...tally.errors]);
      return { lines, isFine: refused.size === 0 && tally.errors.size === 0 && !tally.needsPerson() };
    }),
  );
  return { code: parts.every(({ isFine }) => isFine) ? 0 : 1, lines: parts.flatMap(({ lines }) => lines) };
}
