import type { JobRef } from "./job-row";
import type { Placement } from "../placement";
import type { JobState } from "../state";
import type { StoredJob } from "./tick-ledger";

/** The ledger's functions for cancelling, retrying and replaying. */
export interface OperatorLedger {
  /** Cancels a job that no run holds, flags one that a run holds. `unwrittenAt`: a job without a row, accepted then, gets a cancelled one. Null: unknown. */
  cancel(ref: JobRef, now: number, unwrittenAt?: number): Promise<{ state: JobState; flagged: boolean; changed: boolean } | null>;
  /**
   * Brings ended (not done) jobs back, or held-back ones forward; returns those changed, ready to send. Where no effect was made or is in doubt, the
   * job is pinned to now and its revision raised. Its next run uses the newest template and new idempotency keys.
   */
  revive(rows: readonly Revived[], how: Revival, now: number): Promise<StoredJob[]>;
}

/** A job to bring back. */
export interface Revived extends JobRef {
  /** Only if it ended before this time. Milliseconds. */
  endedBefore?: number | undefined;
  /** Replaces the payload (JSON text) and the version of its shape, and raises the revision. A payload in R2 stays there; the row's wins. */
  patched?: { payload: string; version: number };
}

export interface Revival {
  /** Only jobs in these states. */
  from: readonly JobState[];
  event: string;
  boot: string;
  place: Placement;
  /** The replay that sends them: recorded with them, so that their outcomes can be counted. */
  replay?: string;
}
