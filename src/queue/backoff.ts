import { daySeconds } from "../time/day";

/** The platform's ceiling for one delay, and therefore ours: 24 h in seconds. */
export const maxQueueDelaySeconds = daySeconds;

/** Delays between failures, in seconds: first step and ceiling of the exponential backoff, and the least wait. */
export interface Backoff {
  base: number;
  cap: number;
  min?: number;
}

/**
 * Whole seconds until the next try after `failures` failures (1 or more): exponential with full jitter,
 * a uniform draw from 1 to min(cap, base × 2^(failures − 1)).
 * Source of the formula: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 * `requestedSeconds` is the wait that a provider requires. It and the policy's `min` are lower bounds; jitter of up to a tenth comes on top, so that a crowd does not return at once.
 */
export function backoff(policy: Backoff, failures: number, random: () => number, requestedSeconds?: number): number {
  const ceiling = Math.min(policy.cap, policy.base * 2 ** Math.min(failures - 1, 30), maxQueueDelaySeconds);
  const drawn = 1 + Math.floor(random() * ceiling);
  const minSeconds = Math.max(policy.min ?? 0, requestedSeconds !== undefined && Number.isFinite(requestedSeconds) ? requestedSeconds : 0);
  if (minSeconds === 0) return Math.min(drawn, Math.ceil(ceiling));
  return Math.min(maxQueueDelaySeconds, Math.max(drawn, Math.ceil(minSeconds * (1 + random() / 10))));
}

/** Whole seconds for a message that cannot be judged now (ledger down, unknown type): 1 s doubling to 15 min, with full jitter over the upper half. */
export function redelivery(deliveries: number, random: () => number): number {
  const ceiling = Math.min(900, 2 ** Math.min(deliveries - 1, 10));
  return Math.max(1, Math.ceil(ceiling / 2 + (random() * ceiling) / 2));
}
