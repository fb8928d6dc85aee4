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
  /** When to ask again. An estimate, except for `open`. */
  until: number;
  /** Wait in the ledger without a message: it takes over a minute, or over a hundred wait here already. */
  park: boolean;
}

export interface Report {
  id: string;
  lease: string;
  /** How the dependency's calls went: it answered (a 4xx too), it failed in a way that may pass, or none was made. */
  calls: "none" | "answered" | "transient";
  /** Why, where it failed; redacted. */
  reason?: string | undefined;
}

/** The newest failure that counted against the dependency. */
export interface LastFailure {
  /** Milliseconds. */
  at: number;
  reason: string | null;
}

/** How many parked jobs may be let in during the coming minute, spread at `perSecond`; ask again at `until`. */
export interface Admission {
  count: number;
  until: number;
  perSecond: number;
}

export interface GateStatus {
  circuit: "closed" | "open" | "half-open";
  /** When the open circuit lets a probe in; null while it is closed. */
  openUntil: number | null;
  failures: number;
  inside: number;
  concurrency: number;
  /** Jobs the rate would let in right now; null without such a limit. */
  tokens: number | null;
  perSecond: number | null;
  /** Ids of jobs that were held back and will ask again by themselves; parked ones are the ledger's to count. */
  held: readonly string[];
  lastFailure: LastFailure | null;
  /** Why the circuit was opened for wrong settings; null where failures opened it, or nothing did. */
  refusal?: LastFailure | null;
}

export interface Lease {
  job: string;
  lease: string;
  /** Generation of the breaker when the lease was granted: results of an older generation are ignored. */
  generation: number;
  since: number;
  expires: number;
}

export interface GateState {
  limits: GateLimits;
  leases: readonly Lease[];
  /** Makes lease names unique for the life of the gate. */
  serial: number;
  bucket: Bucket;
  breaker: Breaker;
  /** Jobs held back that return by themselves, with the time they were given; in the order they came. */
  held: readonly { job: string; until: number }[];
  /** How long jobs stay inside, as a running mean. */
  stay: number;
  lastFailure: LastFailure | null;
  refusal: LastFailure | null;
}

export const defaultConcurrency = 100;
/** From this many jobs held back on, further ones are parked. */
export const maxHeld = 100;
/** Waits longer than this are parked. */
export const maxWait = 60_000;
/** Jobs that arrive during a probe ask again after this. */
export const probeWait = 15_000;
/** A held job that has not come back this long after its time is no longer counted. */
export const heldGrace = 60_000;
/** Characters kept of a failure's reason. */
export const maxReason = 300;

export function newGate(): GateState {
  return { limits: {}, leases: [], serial: 0, bucket: { tokens: null, at: 0 }, breaker: closed(0), held: [], stay: 1000, lastFailure: null, refusal: null };
}
