import type { JobRef, Pause } from "../../queue/ports/job-row";
import type { JobState } from "../../queue/state";

/** A tenant's jobs of a type that wait for a worker. */
export interface Shelf {
  tenant: string;
  type: string;
}

export interface ShelfLook extends Shelf {
  /** Jobs that wait, counted up to 100. */
  waiting: number;
  /** Whether a job that was handed out must be looked at. */
  expired: boolean;
}

export interface WaitingShelf extends Shelf {
  /** Counted up to 10,000. */
  waiting: number;
  /** When the first of them was enqueued. Milliseconds; null: it is gone. */
  since: number | null;
}

/** What one pull may take from a shelf. Times in milliseconds. */
export interface Share extends Shelf {
  count: number;
  /** Versions of payloads the worker reads; null: every one. */
  versions: readonly number[] | null;
  /** The job is only offered for so long, until the first heartbeat. */
  offer: number;
  /** By how much a heartbeat extends the lease. */
  extension: number;
}

/** Who pulls, and what for. */
export interface PullKey {
  /** Token and tenant: one caller's pulls are not another's. */
  owner: string;
  pull: string;
}

export interface PullRecord extends PullKey {
  /** The lease in the ledger, of all jobs of the pull: what a worker gets as a lease is made of it. */
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
  /** Where the result lies that a worker uploaded. */
  resultRef: string | null;
}

/** A row of `leases` whose time has come, with its job; the job's columns are null when it is gone. */
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
  /** The lease goes on until then. Milliseconds. */
  until: number;
  /** JSON; null keeps what is there. */
  progress: string | null;
  /** JSON; undefined keeps what is there. */
  cursor: string | undefined;
  /** When it was sent. Milliseconds. */
  at: number;
}

/** A job on its way back to the shelf. */
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

/** What remote workers ask of the ledger. Every call is one round trip; names the tenant of each row; throws only when D1 cannot be reached. */
export interface WorkLedger {
  /** What waits on these shelves; with types alone, on those of all tenants. */
  look(shelves: readonly Shelf[] | { types: readonly string[] }, key: PullKey, worker: string, now: number): Promise<Look>;
  /** Takes what the shares allow, unless this pull took something before; returns what the pull holds now, taken by this call or an earlier one. */
  take(pull: PullRecord, shares: readonly Share[], boot: string, now: number): Promise<{ record: PullRecord | null; jobs: HeldJob[] }>;
  /** What a pull took and still holds. */
  taken(key: PullKey): Promise<HeldJob[]>;
  /** Remembers a pull that took nothing, unless there is one under its id: a request under it that still waits takes nothing any more. */
  close(record: PullRecord): Promise<void>;
  /** Forgets a pull none of whose jobs was handed out. */
  forget(record: PullRecord): Promise<void>;
  held(refs: readonly JobRef[]): Promise<HeldJob[]>;
  /** JSON text of inline payloads, by `keyOf`. */
  payloads(refs: readonly JobRef[]): Promise<Map<string, string | null>>;
  /** Remembers which gates jobs are inside of. */
  enter(entries: readonly (JobRef & { nonce: string; entered: string })[]): Promise<void>;
  /** Extends leases, starts offers; returns those whose lease still held. */
  beat(beats: readonly Beat[]): Promise<JobRef[]>;
  /** Takes back under their old lease what lies on the shelf and was not taken by another; returns those that were. */
  reclaim(refs: readonly (Shelf & JobRef & { nonce: string; place: number })[], now: number): Promise<JobRef[]>;
  /** Puts jobs back on the shelf, under their lease; void and crashed ones only if it has run out by `now`. Returns those that were. */
  giveBack(rows: readonly Return[], now: number): Promise<JobRef[]>;
  /** Rows of `leases` whose time has come. */
  expired(shelf: Shelf, now: number, limit: number): Promise<ExpiredLease[]>;
  /** Looks at leases that were extended again when they end now. */
  moveLeases(rows: readonly ExpiredLease[]): Promise<void>;
  /** Removes rows of `leases` of jobs that are no longer held. */
  dropLeases(rows: readonly (Shelf & { id: string; at: number })[]): Promise<void>;
  /** Shelves that have leases whose time has come. */
  expiredShelves(now: number): Promise<Shelf[]>;
  /** Shelves of all tenants on which jobs wait; the first 1,000. */
  waiting(): Promise<WaitingShelf[]>;
  effect(job: JobRef, key: string): Promise<WorkEffect | null>;
  /** Records that an effect begins, while the job is held under `nonce` and has no cancel flag; false otherwise. */
  begin(job: JobRef & { revision: number }, effect: { key: string; at: number; holder: string; state: string }, nonce: string): Promise<boolean>;
  /** Remembers where a job's uploaded result lies, while it is held under `nonce`; false otherwise. */
  attach(job: JobRef, key: string, nonce: string): Promise<boolean>;
  /** Forgets pulls from before a time. */
  forgetPulls(before: number): Promise<number>;
}
