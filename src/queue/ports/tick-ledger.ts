import type { JobRow, Pause } from "./job-row";
import type { Placement } from "../placement";
import type { JobState } from "../state";

/** The ledger's functions for the tick. */
export interface TickLedger {
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
  /** Deletes the gates where no job is parked. */
  forgetGates(gates: readonly ParkedGate[]): Promise<void>;
  pauses(): Promise<Pause[]>;
}

/** A row with what a message needs. */
export type StoredJob = Pick<JobRow, "tenant" | "id" | "type" | "version" | "queue" | "seq" | "at" | "payload" | "ref" | "fp" | "parent" | "trace" | "dry">;

/** A side row whose time has come, with its job's `wake`: another time than `wakeAt` means that the side row is stale. */
export interface DueJob extends Pick<JobRow, "tenant" | "id" | "queue" | "seq" | "until" | "sent" | "wake" | "gate" | "sweeps"> {
  /** Time in the side row, part of its key. */
  wakeAt: number;
  /** Null when the job is gone. */
  state: JobState | null;
  /** Size of the payload. */
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
export type UntrackedJob = Pick<JobRow, "tenant" | "id" | "state" | "queue" | "sent">;

export interface BringBack extends Pick<JobRow, "tenant" | "id" | "seq" | "gate"> {
  wakeAt: number;
  /** The new placement. */
  place: Placement;
  swept: boolean;
}
