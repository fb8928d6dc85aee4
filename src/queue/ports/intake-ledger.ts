import type { JobRef, JobRow } from "./job-row";

/** The ledger's functions for accepting jobs. */
export interface IntakeLedger {
  /** Writes the rows that are missing; an existing row keeps everything. */
  insert(rows: readonly NewJob[]): Promise<void>;
  /** Insert first, for keyed jobs: returns which rows are new, and the others' columns. */
  insertKeyed(rows: readonly NewJob[]): Promise<KnownJob[]>;
  /** The ids that hold a job with that fingerprint (or an erased one) from a release that did not separate own keys from senders' keys. */
  former(refs: readonly (JobRef & { fp: string | null })[]): Promise<JobRef[]>;
  /** Those of the jobs that have no row. */
  missing(refs: readonly JobRef[]): Promise<JobRef[]>;
  /** Marks jobs without a live message: the next tick sends one. */
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
