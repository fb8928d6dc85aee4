import type { GateLimits } from "./gate-limits";
import { type Breaker, closed } from "./gate-breaker";
import type { Bucket } from "./gate-bucket";

export type GateAnswer = Granted | Held;

export interface Granted {
  granted: true;
  /** Identifies the slot that the job holds; `leave` returns it. */
  lease: string;
  /** It is the probe: the one job that may call the dependency while the circuit is open. */
  probe: boolean;
}

export interface Held {
  granted: false;
  reason: "concurrency" | "rate" | "open";
  /** When to try again. An estimate, except for `open`. */
  until: number;
  /** Park the job: the wait exceeds one minute, or over 100 jobs are held here. */
  park: boolean;
}

/** The newest failure that counted against the dependency. */
export interface LastFailure {
  /** Milliseconds. */
  at: number;
  reason: string | null;
}

/** Parked jobs to admit during the next minute, spread at `perSecond`; ask again at `until`. */
export interface Admission {
  count: number;
  until: number;
  perSecond: number;
}

export interface GateStatus {
  circuit: "closed" | "open" | "half-open";
  /** When the open circuit admits a probe; null while it is closed. */
  openUntil: number | null;
  /** When the circuit opened; null while it is closed, or where an earlier version opened it. */
  openedAt?: number | null;
  failures: number;
  inside: number;
  concurrency: number;
  /** Jobs that the rate would admit now; null without a rate limit. */
  tokens: number | null;
  perSecond: number | null;
  /** Ids of held jobs with a message; the ledger counts parked ones. */
  held: readonly string[];
  lastFailure: LastFailure | null;
  /** Why the circuit was opened for wrong settings; null where failures opened it, or it is closed. */
  refusal?: LastFailure | null;
}

export interface GateLease {
  job: string;
  lease: string;
  /** Generation of the breaker when the lease was granted: results of an older generation are ignored. */
  generation: number;
  since: number;
  expires: number;
}

export interface GateState {
  limits: GateLimits;
  leases: readonly GateLease[];
  /** Makes lease names unique for the life of the gate. */
  serial: number;
  bucket: Bucket;
  breaker: Breaker;
  /** Held jobs with a message and the time they were given, in order of arrival. */
  held: readonly { job: string; until: number }[];
  /** Running mean of the time that jobs hold a slot. */
  stay: number;
  lastFailure: LastFailure | null;
  refusal: LastFailure | null;
}

export const defaultConcurrency = 100;
/** With this many held jobs, further ones are parked. */
export const maxHeld = 100;
/** Longer waits are parked. Milliseconds. */
export const maxWaitMs = 60_000;
/** Jobs that arrive during a probe try again after this. */
export const probeWaitMs = 15_000;
/** A held job that has not come back this long after its time is no longer counted. */
export const heldGraceMs = 60_000;
/** Characters kept of a failure's reason. */
export const maxReason = 300;

export function newGate(): GateState {
  return { limits: {}, leases: [], serial: 0, bucket: { tokens: null, at: 0 }, breaker: closed(0), held: [], stay: 1000, lastFailure: null, refusal: null };
}
