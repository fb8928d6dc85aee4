import type { JobRef, JobRow } from "./job-row";

/** What accepting jobs asks of the ledger. */
export interface IntakeLedger {
  /** Writes the rows that are missing; an existing row keeps everything. */
  insert(rows: readonly NewJob[]): Promise<void>;
  /** Insert first, for keyed jobs: returns which rows are new, and the others' columns. */
  insertKeyed(rows: readonly NewJob[]): Promise<KnownJob[]>;
  /** Which of these ids hold a job of that fingerprint (or one that was erased) from before own keys were kept apart. */
  former(refs: readonly (JobRef & { fp: string | null })[]): Promise<JobRef[]>;
  /** Those of the jobs that have no row. */
  missing(refs: readonly JobRef[]): Promise<JobRef[]>;
  /** These have no live message: the tick shall send one as soon as it runs. */
  unsent(refs: readonly JobRef[], now: number): Promise<void>;
}

/** A row as it is first written. */
export interface NewJob extends Pick<
  JobRow,
  | "tenant"
  | "id"
  | "type"
  | "version"
  | "queue"
  | "seq"
  | "at"
  | "due"
  | "sent"
  | "wake"
  | "boot"
  | "payload"
  | "ref"
  | "fp"
  | "parent"
  | "trace"
  | "site"
  | "dry"
> {
  entities: readonly string[];
  maxAttempts: number;
  /** Attempts that count as made. */
  attempt: number;
}

/** What a keyed insert found. */
export interface KnownJob extends Pick<JobRow, "tenant" | "id" | "state" | "seq" | "fp" | "due"> {
  inserted: boolean;
  /** 1: it has a cancel flag, or is cancelled. */
  cancel: number;
}
