import type { DayLimit } from "../d1";
import type { GroupCommit } from "../group-commit";
import type { NewJob } from "./ports/intake-ledger";
import type { Chunk } from "./send/pack";
import type { Prepared } from "./accept/prepared";
import type { Receipt } from "./request";
import type { UnrecordedEffects } from "./run/unrecorded-effects";

/** What an isolate remembers between its batches and requests. All of it may be lost at any time. */
export interface Memory {
  /** Newest backlog that each queue reported with a send. */
  readonly backlogs: Map<string, { count: number; at: number }>;
  /** When each queue refused a send, if it has taken none since. Milliseconds. */
  readonly refusals: Map<string, number>;
  /** Sends under way to each queue. */
  readonly traffic: Map<string, Traffic>;
  /** When it was last recorded that jobs came from the queue `overflow`, by tenant and queue. Milliseconds. */
  readonly arrivals: Map<string, number>;
  readonly unrecorded: UnrecordedEffects;
  /** The daily limit with which D1 last refused a statement. */
  spentDay?: SpentDay;
  /** Jobs sent in the current minute. */
  sentJobs?: SentJobs;
  /** Rows that are written when their jobs still wait. Made with the first. */
  lateRows?: LateRows;
  /** Runs side by side enqueue their children together. Made with the first child. */
  children?: GroupCommit<Prepared, Receipt>;
}

/** The sends of one isolate to one queue. */
export interface Traffic {
  /** When each caller's send in flight began, the oldest first. Those that travel together or wait for that count as well. */
  readonly inFlight: Set<{ at: number }>;
  readonly group: GroupCommit<Chunk, boolean>;
}

/** Rows that an isolate writes later. */
export interface LateRows {
  /** Length of their payloads. */
  held: number;
  /** The newest rows, by how long they wait in milliseconds. */
  readonly open: Map<number, GatheredRows>;
  /** All that were gathered and not written yet. */
  readonly unwritten: Set<GatheredRows>;
  readonly group: GroupCommit<NewJob>;
}

/** Rows of jobs accepted within a moment. Others join them until `until`; they are written at `dueAt`. Milliseconds. */
export interface GatheredRows {
  until: number;
  dueAt: number;
  rows: NewJob[];
}

/** Jobs that an isolate sent in one minute, by tenant and queue. */
interface SentJobs {
  minute: number;
  readonly counts: Map<string, number>;
}

/** A limit of the account for one UTC day that D1 reported as used up. Milliseconds. */
export interface SpentDay {
  limit: DayLimit;
  since: number;
  /** When D1 last refused a statement because of it. */
  seen: number;
}
