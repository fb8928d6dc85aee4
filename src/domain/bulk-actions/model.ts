import type { JobFilter } from "../../ledger/views";
import type { Earlier, ReplayFilter } from "../replays/model";

/** What is done to many jobs at once: open ones are cancelled or run now, dead letters taken off the list. */
export const actions = ["cancel", "dismiss", "run-now"] as const;

export type Action = (typeof actions)[number];

/** Acting on many jobs, as operators ask for it. Throws only when the ledger cannot be reached. */
export interface BulkActions {
  /** What it would act on; changes nothing. */
  plan(tenant: string, request: BulkRequest): Promise<BulkPlan>;
  /** `id`: a UUID that names it; made here when left out. One that is there already is returned as it is. */
  create(tenant: string, request: BulkRequest, id?: string): Promise<BulkView>;
  /** The one of this id, and whether it was asked for by the same request; null: there is none. */
  earlier(tenant: string, id: string, request: BulkRequest): Promise<Earlier<BulkView> | null>;
  get(tenant: string, id: string): Promise<BulkView | null>;
  /** Newest first. */
  list(tenant: string, limit: number): Promise<BulkView[]>;
  /** Stops what was not acted on yet. `changed` false: it had ended. */
  abort(tenant: string, id: string): Promise<{ action: BulkView; changed: boolean } | null>;
}

/** Exactly one of filter and ids, neither of them empty. */
export type BulkRequest =
  | { action: "cancel"; filter?: CancelFilter | undefined; ids?: readonly string[] | undefined }
  | { action: "run-now"; filter?: RunNowFilter | undefined; ids?: readonly string[] | undefined }
  | { action: "dismiss"; filter?: ReplayFilter | undefined; ids?: readonly string[] | undefined };

/** Of jobs that have not ended. */
export type CancelFilter = Omit<JobFilter, "now" | "onlyMarkedTails">;

/** Of jobs that are delayed, wait or are retrying. */
export interface RunNowFilter extends CancelFilter {
  /** Of retrying jobs: the failure group of their last try. */
  group?: string | undefined;
}

export interface BulkPlan {
  total: number;
  byType: Record<string, number>;
  /** Whether there are more than a plan counts. */
  more: boolean;
}

export interface BulkView {
  id: string;
  action: Action;
  state: "running" | "stopped" | "done";
  /** Jobs that it named when it began. */
  total: number;
  done: number;
  /** Named, and no longer what the action is for. */
  failed: number;
  /** Milliseconds. */
  at: number;
  endedAt: number | null;
}
