import type { Placement } from "../placement";
import type { JobState } from "../state";

export interface JobRef {
  tenant: string;
  id: string;
}

/** A job's row as far as the engine reads it; docs/lifecycle.md has the meaning of the columns. Times are milliseconds. */
export interface JobRow extends JobRef, Placement {
  type: string;
  /** Version of the payload's shape. */
  version: number;
  queue: string;
  state: JobState;
  /** Delivery generation. */
  seq: number;
  /** When it was enqueued. */
  at: number;
  attempt: number;
  /** Attempts it was enqueued with: deaths of the Worker are counted up to here. */
  max: number;
  runs: number;
  /** When it was first claimed since it was accepted or brought back: what maxAge is measured from. */
  born: number | null;
  ended: number | null;
  /** Until when its last run held it. */
  until: number;
  /** A lease of it expired: it runs alone. */
  crash: boolean;
  /** The cancel flag is set. */
  cancel: boolean;
  /** How often its message was lost since it last ran. */
  sweeps: number;
  /** When an operator last retried or replayed it after a fix; null: never. */
  pinned: number | null;
  revision: number;
  /** Why it waited or failed the last time. */
  reason: string | null;
  cursor: string | null;
  payload: string | null;
  ref: string | null;
  fp: string | null;
  parent: string | null;
  /** Null: its trace follows from its ids. */
  trace: string | null;
  site: string | null;
  dry: boolean;
  boot: string;
}

/** A queue, type or tenant that is held; tenant `*` stands for all. */
export interface Pause {
  tenant: string;
  scope: "queue" | "type" | "tenant";
  name: string;
}
