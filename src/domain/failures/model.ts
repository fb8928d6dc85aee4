export const statuses = ["open", "resolved", "ignored"] as const;

export type Status = (typeof statuses)[number];

/** A group of jobs that failed alike, as it is kept. Times in milliseconds. */
export interface FailureGroup {
  tenant: string;
  group: string;
  type: string;
  /** The reason without what differs from case to case. */
  title: string;
  /** Ever, and last. */
  firstAt: number;
  lastAt: number;
  /** Tries that failed so, ever. */
  total: number;
  /** Tries that failed in each of the last 24 hours, the oldest first. */
  trend: number[];
  status: Status;
  /** Of an ignored one: it opens again when so many tries have failed since; null: never. */
  untilCount: number | null;
  /** Tries that failed since the status was set. */
  sinceCount: number;
  note: string | null;
  /** Who set the status (`root`, or the id of a token), what that token is called, and when. */
  actor: string | null;
  actorName: string | null;
  statusAt: number | null;
}

/** With what of it fails now. */
export interface FailureView extends FailureGroup {
  /** The newest reason, whole; null when nothing fails so now. */
  reason: string | null;
  retrying: number;
  dead: number;
  /** Whether it failed for the first time since the newest version of the Worker came. */
  isNew: boolean;
}

export interface FailureDetail extends FailureView {
  /** Ids to look at, and the shops that they are of. */
  examples: readonly string[];
  sites: readonly { siteId: string; count: number }[];
}

export interface FailureFilter {
  /** Failed last at or after. */
  from?: number | undefined;
  /** Failed first before. */
  to?: number | undefined;
  status?: Status | undefined;
  type?: string | undefined;
}

/** What an operator decided about a group. */
export interface Decision {
  status: Status;
  untilCount?: number | undefined;
  note?: string | undefined;
}
