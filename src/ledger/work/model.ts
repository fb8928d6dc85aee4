import type { JobRef, Pause } from "../../queue/ports/job-row";
import type { JobState } from "../../queue/state";
import { minuteMs } from "../../time/day";

/** A repeated pull gets the same jobs for this time, after which its row is deleted. Milliseconds. */
export const pullMemoryMs = 5 * minuteMs;

/** A tenant's jobs of a type that wait for a worker. */
export interface Shelf {
  tenant: string;
  type: string;
}

export interface ShelfLook extends Shelf {
  /** Jobs that wait, counted up to 100. */
  waiting: number;
  /** Whether the lease of a job that was handed out has ended. */
  expired: boolean;
}

export interface WaitingShelf extends Shelf {
  /** Counted up to 10,000. */
  waiting: number;
  /** When the first of them was enqueued. Milliseconds; null: it is gone. */
  since: number | null;
}

/** What one pull may take from a shelf. Times in milliseconds. */
export interface PullLimits extends Shelf {
  count: number;
  /** Versions of payloads the worker reads; null: every one. */
  versions: readonly number[] | null;
  /** The job is only offered for so long, until the first heartbeat. */
  offer: number;
  /** By how much a heartbeat extends the lease. */
  extension: number;
}

/** The id of a pull, unique within its owner. */
export interface PullKey {
  /** Token and tenant of the caller. */
  owner: string;
  pull: string;
}

export interface PullRecord extends PullKey {
  /** The lease that the ledger has for all jobs of the pull; the leases given to the worker are made from it. */
  nonce: string;
  worker: string;
  /** Digest of the request. */
  body: string;
  at: number;
}

export interface Look {
  shelves: ShelfLook[];
  pauses: Pause[];
  record: PullRecord | null;
  /** Jobs that the worker holds, counted up to 1,000. */
  holding: number;
}

/** A remote job as the ledger has it. Times in milliseconds. */
export interface HeldJob extends JobRef {
  type: string;
  version: number;
  queue: string;
  state: JobState;
  seq: number;
  attempt: number;
  max: number;
  runs: number;
  at: number;
  born: number;
  pinned: number | null;
  revision: number;
  reason: string | null;
  cursor: string | null;
  progress: string | null;
  wake: number | null;
  gate: string | null;
  lease: string | null;
  until: number;
  cancel: number;
  crash: number;
  dry: number;
  ended: number | null;
  ref: string | null;
  fp: string | null;
  parent: string | null;
  trace: string | null;
  worker: string | null;
  /** 1 while it is handed out and not started. */
  offered: number | null;
  taken: number | null;
  extension: number | null;
  settled: string | null;
  entered: string | null;
  /** Key in R2 of a result that the worker uploaded. */
  resultRef: string | null;
}

/** A row of `leases` whose time has come, with its job; the job's columns are null when it no longer exists. */
export interface ExpiredLease extends Omit<HeldJob, "state" | "worker"> {
  leaseType: string;
  leaseAt: number;
  worker: string;
  place: number;
  state: JobState | null;
}

/** A heartbeat, checked. */
export interface Beat extends JobRef {
  nonce: string;
  /** The new end of the lease. Milliseconds. */
  until: number;
  /** JSON; null keeps the stored value. */
  progress: string | null;
  /** JSON; undefined keeps the stored value. */
  cursor: string | undefined;
  /** When it was sent. Milliseconds. */
  at: number;
}

/** A job to put back on its shelf. */
export interface Return extends JobRef {
  nonce: string;
  type: string;
  /** `void`: offered and never started; `released`: given back by its worker; `crashed`: its lease ran out. */
  why: "void" | "released" | "crashed";
  detail: string | null;
}

/** An effect of a remote job. */
export interface WorkEffect {
  state: string;
  revision: number;
  result: string | null;
  at: number;
  /** The lease under which it was begun. */
  holder: string | null;
}
