import type { Engine } from "./engine";
import type { Delivery } from "./run/delivery";
import type { Policy } from "./job";
import type { Lease } from "./ports/run-ledger";
import { minuteMs } from "../time/day";

/** A batch ends after this, below the platform's 15 minutes. */
export const maxBatchMs = 12 * minuteMs;
/** A lease outlives its batch by this, so that no other run starts while the last outcomes are recorded. */
export const leaseMarginMs = 60_000;
/** Clocks of Workers may differ by this much. */
export const clockToleranceMs = 5000;
/** A run may last until this long after the batch's deadline: half of the lease's margin. */
const overrunMs = 30_000;

/** A lease for as long as these jobs may take by their policies, at most 12 minutes, and the margin. */
export function leaseFor(engine: Engine, deliveries: readonly Delivery[]): Lease {
  const now = engine.now();
  return { token: crypto.randomUUID(), until: now + batchMs(deliveries) + leaseMarginMs, now, boot: engine.boot };
}

/** When the batch of a lease ends: `shouldYield` is true before it. Milliseconds. */
export function deadlineOf(lease: Lease): number {
  return lease.until - leaseMarginMs;
}

/** No run starts after this: it could not end within the batch's lease. Milliseconds. */
export function lastStart(deadline: number, policy: Policy): number {
  return deadline - Math.max(0, policy.timeout * 1000 - overrunMs);
}

function batchMs(deliveries: readonly Delivery[]): number {
  const types = Map.groupBy(deliveries, ({ contract }) => contract);
  const needs = [...types].map(([{ batch, policy }, each]) => (batch ? 1 : Math.ceil(each.length / policy.concurrency)) * policy.timeout);
  return Math.min(maxBatchMs, (Math.max(...needs) + 30) * 1000);
}
