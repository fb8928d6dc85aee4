import type { EffectRecord } from "../effect";
import type { NewJob } from "./intake-ledger";
import type { JobRef, JobRow, Pause } from "./job-row";
import type { Placement } from "../placement";
import type { JobState } from "../state";

/** The ledger's functions for a batch, from claim to settle. */
export interface RunLedger {
  /** Claims jobs by their messages. */
  claim(refs: readonly MessageRef[], lease: Lease, options?: ClaimOptions): Promise<Claim>;
  /** Parks remote jobs for workers, without a claim; `found` are all that are there, those of `fresh` included. One that is parked so already counts as offered. */
  offer(refs: readonly OfferRef[], now: number, fresh?: readonly NewJob[]): Promise<{ offered: JobRef[]; found: JobRef[] }>;
  /** Claims one job whose lease expired or that crashed before; null when it is held or ended meanwhile. */
  claimAlone(ref: MessageRef, lease: Lease): Promise<ClaimedJob | null>;
  /** Gives back jobs that were never started. */
  release(refs: readonly JobRef[], token: string): Promise<void>;
  /** Records outcomes of runs, fenced by the token; returned rows were recorded. */
  settle(transitions: readonly Transition[], token: string, now: number): Promise<Settled[]>;
  /** Writes new progress, and answers for each job whether the token still holds it and whether its cancel flag is set. */
  heartbeat(runs: readonly (JobRef & { progress: string | null })[], token: string): Promise<(JobRef & { held: boolean; cancel: boolean })[]>;
  /** Effects recorded so far; of a job in doubt also an intent of `anyKey`, with the time since when it is. */
  effects(refs: readonly JobRef[]): Promise<(JobRef & EffectRecord)[]>;
  /** Writes or replaces one effect. With a token: only while it is the job's, else false. Without: it happened, whichever run holds the job. */
  recordEffect(job: JobRef, effect: EffectRecord, token: string | null): Promise<boolean>;
  /** Saves a cursor together with `writes`, or neither; false when the token is no longer the job's. */
  checkpoint(job: JobRef, cursor: string, writes: readonly unknown[], token: string, now: number): Promise<boolean>;
  /** Records bodies that are no envelope, or jobs that cannot be recorded otherwise, as dead letters of their own. */
  bury(rows: readonly Burial[], now: number): Promise<void>;
}

/** The part of a message that the claim needs. */
export interface MessageRef extends JobRef {
  seq: number;
  fp: string | null;
  /** When it was enqueued. */
  at: number;
  maxAttempts: number;
}

/** A remote job on its way to the workers' gate. */
export interface OfferRef extends MessageRef, Placement {}

export interface Lease {
  token: string;
  until: number;
  now: number;
  boot: string;
}

export interface ClaimOptions {
  /** Claimed as well; those that have no row get one, as running. */
  fresh?: readonly NewJob[];
  /** Jobs of tenants that are heavy on this queue are left as they are, and are neither `claimed` nor `found`. */
  queue?: string | undefined;
}

export interface Claim {
  claimed: ClaimedJob[];
  /** Rows that exist and were not claimed. */
  found: FoundJob[];
  pauses: Pause[];
  /** Tenants whose jobs were left as they are. */
  heavy: readonly string[];
  /** Why some jobs are in neither list; they may have been claimed. */
  trouble?: string;
}

export interface ClaimedJob extends Pick<
  JobRow,
  "tenant" | "id" | "seq" | "attempt" | "max" | "runs" | "at" | "pinned" | "revision" | "reason" | "cursor" | "wake" | "gate"
> {
  born: number;
}

export type FoundJob = Pick<
  JobRow,
  "tenant" | "id" | "queue" | "state" | "ended" | "seq" | "until" | "due" | "crash" | "cancel" | "fp" | "wake" | "gate" | "sweeps"
>;

/** What is recorded of a job after its run. */
export interface Transition extends JobRef, Placement {
  state: JobState;
  /** As it was claimed. */
  seq: number;
  /** False: the run was never started and is taken off the job's count of runs. */
  counted: boolean;
  /** 1 when a copy is sent now or later. */
  bump: 0 | 1;
  attempt: number;
  reason: string | null;
  /** The text that an outside system answered with. */
  providerMessage?: string;
  /** JSON; undefined keeps what is there. */
  cursor: string | null | undefined;
  progress: string | undefined;
  result: string | null;
  ended: number | null;
  /** An entry of the timeline: what happened. Null on the happy path. */
  event: string | null;
  /** The entry is counted with the newest one when that is of the same event. */
  folds: boolean;
  /** The side row it had when claimed, to be removed. */
  was: { wake: number | null; gate: string | null };
  /** Time of the run's oldest call whose answer is not recorded: it may have arrived. 0: there is none. Milliseconds. */
  doubt: number;
  /** Digest of the outcome that a worker outside sent, kept to recognise a repeat. */
  settled?: string;
  /** For counters. */
  type: string;
  ms: number;
}

export type Settled = Pick<JobRow, "tenant" | "id" | "state" | "seq">;

export interface Burial extends JobRef {
  type: string;
  /** Version of the payload's shape; 0 when it is none. */
  version: number;
  queue: string;
  raw: string;
  /** Key in R2 of a body that is too large for its row. */
  ref?: string | undefined;
  reason: string;
  fp: string | null;
  dry?: boolean | undefined;
  /** The attempts of the job's type, where it may be replayed; default 1. */
  maxAttempts?: number | undefined;
}
