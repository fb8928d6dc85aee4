import { afterAll, afterEach, beforeEach } from "vitest";
import type { Failure } from "../../../scripts/import-bull/failure.ts";
import { Bench, mail } from "./importer.ts";
import type { BullQueue, libraries } from "./libraries.ts";

/** A bench for the tests of a file: emptied before each, closed after the last. */
export async function openBench(): Promise<Bench> {
  const bench = await Bench.open();
  beforeEach(() => bench.reset());
  afterAll(() => bench.close());
  return bench;
}

/** Opens queues that are closed after the test. */
export function useQueues(bench: Bench): (library: (typeof libraries)[number], name?: string, prefix?: string) => BullQueue {
  const open: BullQueue[] = [];
  afterEach(() => Promise.all(open.splice(0).map((queue) => queue.close())));
  return (library, name = "mail", prefix) => {
    const queue = library.open(bench.redis.port, name, prefix);
    open.push(queue);
    return queue;
  };
}

/** Adds jobs to a queue; returns their ids. */
export async function addMany(queue: BullQueue, count: number, data: (n: number) => unknown = mail): Promise<string[]> {
  const ids = [];
  for (let n = 0; n < count; n++) ids.push(await queue.add(data(n)));
  return ids;
}

/** How a command fails; undefined: it does not. */
export function failureOf(running: Promise<unknown>): Promise<Failure | undefined> {
  return running.then(() => undefined).catch((cause: unknown) => cause as Failure);
}
