import type { Engine } from "../engine";
import { overflow } from "../ports/heavy-ledger";
import { knownBacklog, send, type Sendable } from "./send";
import { minuteMs } from "../../time/day";

/** Messages in a queue from which on a new job may wait for minutes. */
const minBacklog = 1000;
/** Jobs that a tenant may send to a queue from this isolate in a minute and still count as a light sender. */
const maxLightJobs = 20;

/**
 * Sends jobs that their queues just took to `overflow` as well, when that queue holds 1,000 messages or more and the tenant sent few of them. Both
 * copies are of one delivery generation, so the first that arrives is run and the other is stale. Does not wait for the second send. Never throws.
 */
export function copyPastBacklog(engine: Engine, items: readonly Sendable[]): void {
  const counts = countsOf(engine);
  for (const { envelope } of items) {
    const key = `${envelope.tenant}/${envelope.queue}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  if (isLong(engine, overflow)) return;
  const copies = items.filter(({ envelope: { tenant, type, queue, unasked }, delaySeconds }) => {
    const isLight = (counts.get(`${tenant}/${queue}`) ?? 0) <= maxLightJobs && !engine.registry.find(type)?.contract.remote;
    return isLight && delaySeconds === 0 && !unasked && isLong(engine, queue);
  });
  if (copies.length === 0) return;
  engine.defer(
    send(
      engine,
      copies.map(({ envelope }) => ({ envelope: { ...envelope, copy: true }, delaySeconds: 0, single: true, queue: overflow })),
    ),
  );
}

function isLong(engine: Engine, queue: string): boolean {
  return (knownBacklog(engine, queue) ?? 0) >= minBacklog;
}

function countsOf({ memory, now }: Engine): Map<string, number> {
  const minute = Math.floor(now() / minuteMs);
  if (memory.sentJobs?.minute !== minute) memory.sentJobs = { minute, counts: new Map() };
  return memory.sentJobs.counts;
}
