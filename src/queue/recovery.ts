import type { JobRef } from "./ledger";
import type { Placement } from "./placement";
import type { JobState } from "./state";

export interface Revival {
  /** Only jobs in these states. */
  from: readonly JobState[];
  event: string;
  boot: string;
  place: Placement;
}

/** A row with what a message needs. */
export interface StoredJob extends JobRef {
  type: string;
  version: number;
  queue: string;
  seq: number;
  at: number;
  payload: string | null;
  ref: string | null;
  fp: string | null;
  parent: string | null;
  dry: boolean;
}

export interface DueJob extends JobRef {
  /** Time in the side row, part of its key. */
  wakeAt: number;
  /** Null when the job is gone. */
  state: JobState | null;
  type: string;
  queue: string;
  seq: number;
  until: number;
  sent: number | null;
  /** The side row the job itself knows of; another one is stale. */
  wake: number | null;
  gate: string | null;
  sweeps: number;
  cancel: boolean;
  bytes: number;
}

export interface DuePage {
  tenant: string;
  rows: readonly DueJob[];
  /** Whether the page is full. */
  more: boolean;
}

/** A gate at which jobs are parked; `pause/{scope}/{name}` for those that a pause holds. */
export interface ParkedGate {
  tenant: string;
  gate: string;
}

export interface ParkedPage extends ParkedGate {
  rows: readonly DueJob[];
  /** Whether the page was full before rows of jobs that moved on were left out. */
  more: boolean;
}

/** An open row that has no side row yet. */
export interface UntrackedJob extends JobRef {
  state: JobState;
  queue: string;
  sent: number | null;
}

export interface BringBack extends JobRef {
  seq: number;
  wakeAt: number;
  gate: string | null;
  /** Where it waits from now on. */
  place: Placement;
  swept: boolean;
}

export interface Burial extends JobRef {
  type: string;
  /** Version of the payload's shape; 0 when it is none. */
  version: number;
  queue: string;
  raw: string;
  /** Where the body lies when it is too large for its row. */
  ref?: string | undefined;
  reason: string;
  fp: string | null;
  dry?: boolean | undefined;
}
