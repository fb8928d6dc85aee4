export const statuses = ["open", "resolved", "ignored"] as const;

type Status = (typeof statuses)[number];

/** A group of jobs with the same kind of failure. Times in milliseconds. */
export interface FailureGroup {
  tenant: string;
  group: string;
  type: string;
  /** The reason without the parts that differ between jobs. */
  title: string;
  /** First and last failure. */
  firstAt: number;
  lastAt: number;
  /** Failed tries since the group exists. */
  total: number;
  /** Failed tries in each of the last 24 hours, the oldest first. */
  trend: number[];
  status: Status;
  /** An ignored group opens again after this many further failed tries; null: never. */
  untilCount: number | null;
  /** Failed tries since the status was set. */
  sinceCount: number;
  note: string | null;
  /** Who set the status (`root`, or the id of a token), the name of that token, and when. */
  actor: string | null;
  actorName: string | null;
  statusAt: number | null;
}

/** A group with its jobs that fail now. */
export interface FailureView extends FailureGroup {
  /** The newest full reason; null when no job fails now. */
  reason: string | null;
  retrying: number;
  dead: number;
  /** Whether it failed first after the newest version of the Worker was deployed. */
  isNew: boolean;
}

export interface FailureDetail extends FailureView {
  /** Dead letters of the group with an effect in doubt. */
  inDoubt: number;
  /** Ids of example jobs, and their shops. */
  examples: readonly string[];
  sites: readonly { siteId: string; count: number }[];
}

export interface FailureFilter {
  /** Last failure at or after this time. */
  from?: number | undefined;
  /** First failure before this time. */
  to?: number | undefined;
  status?: Status | undefined;
  type?: string | undefined;
}

/** An operator's decision about a group. */
export interface GroupDecision {
  status: Status;
  untilCount?: number | undefined;
  note?: string | undefined;
}
