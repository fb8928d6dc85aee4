import type { EffectRecord } from "./effect";
import type { BringBack, Burial, DueJob, DuePage, ParkedGate, ParkedPage, Revival, StoredJob, UntrackedJob } from "./recovery";
import type { JobState } from "./state";

/**
 * What the engine asks of the ledger. Every call is one round trip unless it says otherwise, names the tenant of each row,
 * and throws only when the ledger cannot be reached. Times are milliseconds, passed in: the ledger has no clock.
 */
export interface Ledger {
  /** Writes the rows that are missing; an existing row keeps everything. */
  insert(rows: readonly NewJob[]): Promise<void>;
  /** Insert first, for keyed jobs: tells which rows are new and what the others say. */
  insertKeyed(rows: readonly NewJob[]): Promise<KnownJob[]>;
  /** Which of these ids hold a job of that fingerprint (or one that was erased) from before own keys were kept apart. */
  former(refs: readonly (JobRef & { fp: string | null })[]): Promise<JobRef[]>;
  /** Those of the jobs that are there. */
  known(refs: readonly JobRef[]): Promise<JobRef[]>;
  /** These have no live message: the tick shall send one as soon as it runs. */
  unsent(refs: readonly JobRef[], now: number): Promise<void>;

  claim(refs: readonly MessageRef[], lease: Lease): Promise<Claim>;
  /** As `claim`, after writing the rows that are missing. */
  adopt(rows: readonly NewJob[], lease: Lease): Promise<Claim>;
  /** Claims one job whose lease expired or that crashed before; null when it is held or ended meanwhile. */
  claimAlone(ref: MessageRef, lease: Lease): Promise<ClaimedJob | null>;
  /** Gives back jobs that were never started. */
  release(refs: readonly JobRef[], token: string): Promise<void>;
  /** Records what runs said, fenced by the token; rows that came back were recorded. */
  settle(transitions: readonly Transition[], token: string, now: number): Promise<Settled[]>;
  /** Writes new progress, and answers for each job whether the token still holds it and whether its cancel flag is set. */
  heartbeat(runs: readonly (JobRef & { progress: string | null })[], token: string): Promise<(JobRef & { held: boolean; cancel: boolean })[]>;

  /** Effects recorded so far; of a job in doubt also an intent of `anyKey`, with the time since when it is. */
  effects(refs: readonly JobRef[]): Promise<(JobRef & EffectRecord)[]>;
  /** Writes or replaces one effect. With a token: only while it is the job's, else false. Without: it happened, whoever holds the job. */
  recordEffect(job: JobRef, effect: EffectRecord, token: string | null): Promise<boolean>;
  /** Saves a cursor together with `writes`, or neither; false when the token is no longer the job's. */
  checkpoint(job: JobRef, cursor: string, writes: readonly unknown[], token: string, now: number): Promise<boolean>;

  /** Cancels what is not held, flags what is. Null: unknown. */
  cancel(ref: JobRef, now: number): Promise<{ state: JobState; flagged: boolean; changed: boolean } | null>;
  /**
   * Brings ended (not done) jobs back, or held-back ones forward; returns those changed, ready to send. Where no effect was made or is
   * in doubt, the job is pinned to now and its revision raised: the next run sends what is newest, under keys of its own.
   */
  revive(rows: readonly Revived[], how: Revival, now: number): Promise<StoredJob[]>;

  /** Tenants that have side rows whose time has come. */
  dueTenants(now: number): Promise<string[]>;
  /** One page of each tenant's side rows whose time has come, the earliest first. */
  due(tenants: readonly string[], now: number, limit: number): Promise<DuePage[]>;
  /** Raises seq and marks as sent, for rows still as they were seen; returns them ready to send. */
  bringBack(rows: readonly BringBack[], now: number, boot: string): Promise<StoredJob[]>;
  /** Moves or (`wake` null) removes side rows that need nothing now. */
  rewake(rows: readonly { at: number; tenant: string; id: string; wake: number | null }[]): Promise<void>;
  /** Gives open rows up to `before` that have no side row one, for the time that `checkAt` answers; `more` when it stopped at the limit. */
  scan(before: number, limit: number, checkAt: (row: UntrackedJob) => Promise<number>): Promise<{ found: number; more: boolean }>;
  /** Open rows sent or leased under another boot id, as due rows. */
  ofOtherBoot(boot: string, limit: number): Promise<DueJob[]>;
  /** Gates that have jobs parked. */
  parkedGates(): Promise<ParkedGate[]>;
  /** One page of what is parked at each gate, the oldest first; rows of jobs that moved on are removed and left out. */
  parked(gates: readonly ParkedGate[], limit: number): Promise<ParkedPage[]>;
  /** Forgets those of the gates where nothing is parked any more. */
  forgetGates(gates: readonly ParkedGate[]): Promise<void>;
  pauses(): Promise<Pause[]>;
  /** Records bodies that are no envelope, or jobs that cannot be recorded otherwise, as dead letters of their own. */
  bury(rows: readonly Burial[], now: number): Promise<void>;
}

export interface JobRef {
  tenant: string;
  id: string;
}

/** What of a message the claim needs. */
export interface MessageRef extends JobRef {
  seq: number;
  fp: string | null;
  /** When it was enqueued. */
  at: number;
  maxAttempts: number;
}

export interface Lease {
  token: string;
  until: number;
  now: number;
  boot: string;
}

/** A row as it is first written. */
export interface NewJob extends JobRef {
  type: string;
  version: number;
  queue: string;
  seq: number;
  at: number;
  due: number | null;
  /** When its message becomes deliverable; null when it has none. */
  sent: number | null;
  /** Time of its side row; null for none. */
  wake: number | null;
  boot: string;
  payload: string | null;
  ref: string | null;
  fp: string | null;
  parent: string | null;
  site: string | null;
  entities: readonly string[];
  dry: boolean;
  maxAttempts: number;
}

/** What a keyed insert found. */
export interface KnownJob extends JobRef {
  inserted: boolean;
  state: JobState;
  seq: number;
  fp: string | null;
  due: number | null;
  /** 1: it was asked to end, or did. */
  cancel: number;
}

export interface Claim {
  claimed: ClaimedJob[];
  /** Rows that exist and were not claimed. */
  found: FoundJob[];
  pauses: Pause[];
}

export interface ClaimedJob extends JobRef {
  seq: number;
  attempt: number;
  /** Attempts it was enqueued with: deaths of the Worker are counted up to here. */
  max: number;
  runs: number;
  at: number;
  /** When it was first claimed since it was accepted or brought back: what maxAge is measured from. Milliseconds. */
  born: number;
  /** When an operator last retried or replayed it after a fix; null: never. Milliseconds. */
  pinned: number | null;
  revision: number;
  /** Why it waited or failed the last time. */
  reason: string | null;
  cursor: string | null;
  wake: number | null;
  gate: string | null;
}

export interface FoundJob extends JobRef {
  state: JobState;
  ended: number | null;
  seq: number;
  until: number;
  due: number | null;
  crash: boolean;
  cancel: boolean;
  fp: string | null;
}

/** A queue, type or tenant that is held; tenant `*` is everybody. */
export interface Pause {
  tenant: string;
  scope: "queue" | "type" | "tenant";
  name: string;
}

/** What is recorded of a job after its run. */
export interface Transition extends JobRef {
  state: JobState;
  /** As it was claimed. */
  seq: number;
  /** False: the run was never started and is taken off the job's count of runs. */
  counted: boolean;
  /** 1 when a copy is sent now or later. */
  bump: 0 | 1;
  attempt: number;
  due: number | null;
  sent: number | null;
  wake: number | null;
  /** Set: parked at this gate instead of a side row in `due`. */
  gate: string | null;
  reason: string | null;
  /** What an outside system wrote, beside the reason. */
  providerMessage?: string;
  /** JSON; undefined keeps what is there. */
  cursor: string | null | undefined;
  progress: string | undefined;
  result: string | null;
  ended: number | null;
  /** A line of its own in the timeline: what happened. Null on the happy path. */
  event: string | null;
  /** The side row it had when claimed, to be removed. */
  was: { wake: number | null; gate: string | null };
  /** Since when a call of this run is without an answer that was recorded; it may have arrived. 0: none is. Milliseconds. */
  doubt: number;
  /** For counters. */
  type: string;
  ms: number;
}

export interface Settled extends JobRef {
  state: JobState;
  seq: number;
}

/** A job to bring back. */
export interface Revived extends JobRef {
  /** Only if it ended before this time. Milliseconds. */
  endedBefore?: number | undefined;
  /** Replaces the payload (JSON text) and the version of its shape, and raises the revision. A payload in R2 stays there; the row's wins. */
  patched?: { payload: string; version: number };
}
