import type { EffectRecord } from "../queue/effect";
import type { JobState } from "../queue/state";
import type { TimelineEntry } from "./timeline";

/** The progress that a run reported last. */
interface Progress {
  done: number;
  total: number | null;
  note: string | null;
  /** Milliseconds; of rows from before it was kept there is none. */
  at?: number | undefined;
}

/** A job as the ledger has it, for reading. Times in milliseconds. Payload and result are not masked here. */
export interface JobView {
  id: string;
  type: string;
  /** Version of the payload's shape. */
  version: number;
  queue: string;
  state: JobState;
  attempt: number;
  maxAttempts: number;
  runs: number;
  siteId: string | null;
  at: number;
  /** When a delayed, retrying or waiting job goes on; null when it is not held. */
  due: number | null;
  /** Why it waits, retries or failed; redacted text. */
  reason: string | null;
  gate: string | null;
  dryRun: boolean;
  cancelling: boolean;
  startedAt: number | null;
  endedAt: number | null;
  progress: Progress | null;
}

export interface JobDetail extends JobView {
  seq: number;
  revision: number;
  /** The time as of which versioned content is read: `at`, or an operator's last retry or replay. */
  pinnedAt: number;
  /** Whether a run ended without recording the answer to a call. */
  doubt: boolean;
  /** The text that an outside system answered with; not masked here. */
  providerMessage?: string | null;
  /** The failure group of its dead letter, as it was when it died; null: it has none. */
  letterGroup: string | null;
  parent: string | null;
  /** Null: it has no parent, or that one is no longer kept. */
  parentJob: ParentJob | null;
  /** `{trace id}-{flags}`; null: it follows from the ids. */
  trace: string | null;
  /** JSON text; null when it is in R2 (`ref`). */
  payload: string | null;
  ref: string | null;
  /** JSON text; null when there is none, or it is in R2 (`resultRef`). */
  result: string | null;
  resultRef: string | null;
  timeline: TimelineEntry[];
  effects: EffectRecord[];
  entities: string[];
  children: ChildCounts;
}

/** The parent of a job. */
export interface ParentJob {
  type: string;
  state: JobState;
}

/** The children of a job by their states, where there are any. */
export interface ChildCounts {
  /** Counted up to 1,000. */
  total: number;
  byState: Partial<Record<JobState | "scheduled", number>>;
  /** 1,000 were counted: there may be more. */
  more: boolean;
}

export interface JobFilter {
  type?: string | undefined;
  /** `scheduled`: queued, and due later than `now`. `open`: every state but those in which a job has ended. */
  state?: JobState | "scheduled" | "open" | undefined;
  /** Milliseconds; what `scheduled` compares with. */
  now?: number | undefined;
  siteId?: string | undefined;
  /** The job that enqueued them. */
  parent?: string | undefined;
  /** The queue of their type; no job belongs to `overflow`. */
  queue?: string | undefined;
  /** An id or the last characters of one, an entity key (`order:123`), or words of the reason of a failed or waiting job. */
  q?: string | undefined;
  /** For acts: `q` is the end of an id only if it begins with `…` or `...`. */
  onlyMarkedTails?: boolean | undefined;
  /** Accepted at or after; milliseconds. Of dead letters too, so that a list and an act on what it shows name the same jobs. */
  from?: number | undefined;
  /** Accepted before; milliseconds. */
  to?: number | undefined;
}

export interface PageBounds {
  cursor?: string | undefined;
  /** 1 to 200. */
  limit: number;
}

/** Newest first. With a cursor there may be more, also when this page has few jobs or none. */
export interface JobPage {
  jobs: JobView[];
  cursor: string | null;
  /** Rows that were looked at, where a filter left some out and there may be more. */
  examined?: number | undefined;
}

export interface DeadLetterView {
  id: string;
  type: string;
  state: "dead" | "discarded";
  siteId: string | null;
  reason: string;
  group: string;
  attempt: number;
  at: number;
  diedAt: number;
}

/** A dead letter has no column for its parent. */
export interface DeadLetterFilter extends JobFilter {
  group?: string | undefined;
}

/** Dead letters of one failure group. */
export interface DeadLetterGroup {
  group: string;
  type: string;
  /** The newest one's reason. */
  reason: string;
  count: number;
  firstAt: number;
  lastAt: number;
  /** Up to three ids. */
  examples: string[];
}

/** Jobs that reached a state within a minute. */
export interface MinuteCount {
  /** Start of the minute, milliseconds. */
  minute: number;
  type: string;
  /** enqueued, done, retrying, waiting, discarded, dead, cancelled, crashed. */
  event: string;
  count: number;
  /** Sum of the runs' milliseconds. */
  ms: number;
}

/** Jobs that are left to deal with. */
export interface Backlog {
  deadLetters: number;
  /** Dead letters that failed for good at once; the others have used up their attempts. */
  discarded: number;
  parked: number;
  due: number;
}
