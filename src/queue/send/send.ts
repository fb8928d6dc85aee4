import { inPool } from "../../in-pool";
import { cut, itemsOf } from "./chunk";
import type { Engine } from "../engine";
import type { Sendable } from "./pack";
import { sendInTraffic } from "./traffic";
import { minuteMs } from "../../time/day";

export type { Sendable } from "./pack";

/** Chunks under way at once: a Worker has six connections. */
const lanes = 4;

/** A refusal counts as the queue's state for so long. */
const maxRefusalAgeMs = 5 * minuteMs;

/** Sends envelopes to their queues, packed and cut into batches. Returns those no queue took; never throws. */
export async function send(engine: Engine, items: readonly Sendable[]): Promise<Sendable[]> {
  const chunks = cut(engine, items);
  const refused: Sendable[] = [];
  await inPool(chunks, lanes, async (chunk) => {
    if (!(await sendInTraffic(engine, chunk))) refused.push(...itemsOf(chunk));
  });
  return refused;
}

/** Queues that refused the newest send of this isolate, within the last five minutes. */
export function refusingQueues(engine: Engine): string[] {
  return [...engine.memory.refusals].filter(([, at]) => engine.now() - at < maxRefusalAgeMs).map(([queue]) => queue);
}

/** The backlog a queue reported within the last 30 s; undefined when it is not known. */
export function knownBacklog(engine: Engine, queue: string): number | undefined {
  const known = engine.memory.backlogs.get(queue);
  return known && engine.now() - known.at < 30_000 ? known.count : undefined;
}

/** Whether a queue is known to hold as much as it may. */
export function isFull(engine: Engine, queue: string): boolean {
  return (knownBacklog(engine, queue) ?? 0) >= engine.backlogLimit(queue);
}
