import * as v from "valibot";
import { count, outputRecord } from "../../bounded";
import type { JobFilter } from "../../ledger/views";
import type { ReplayFilter } from "../replays/model";

/** Acts on many jobs at once: cancel or run open jobs, dismiss dead letters. */
export const bulkActionNames = ["cancel", "dismiss", "run-now"] as const;

export type BulkActionName = (typeof bulkActionNames)[number];

/** Exactly one of filter and ids, neither of them empty. */
export type BulkRequest =
  | { action: "cancel"; filter?: CancelFilter | undefined; ids?: readonly string[] | undefined }
  | { action: "run-now"; filter?: RunNowFilter | undefined; ids?: readonly string[] | undefined }
  | { action: "dismiss"; filter?: ReplayFilter | undefined; ids?: readonly string[] | undefined };

/** Selects jobs that have not ended. */
export type CancelFilter = Omit<JobFilter, "now" | "onlyMarkedTails">;

/** Selects jobs that are delayed, wait or are retrying. */
export interface RunNowFilter extends CancelFilter {
  /** For retrying jobs: the failure group of their last try. */
  group?: string | undefined;
}

export const bulkPlanShape = v.object({
  total: count,
  byType: outputRecord(count),
  more: v.pipe(v.boolean(), v.description("There are more jobs than a plan counts")),
});

export type BulkPlan = v.InferOutput<typeof bulkPlanShape>;

export interface BulkView {
  id: string;
  action: BulkActionName;
  state: "running" | "stopped" | "done";
  /** Jobs that it covered when it began. */
  total: number;
  done: number;
  /** Covered jobs that the action no longer applied to. */
  failed: number;
  /** Milliseconds. */
  at: number;
  endedAt: number | null;
}

/** A stored bulk action: its request and its progress. */
export interface BulkAction extends BulkView {
  tenant: string;
  request: BulkRequest;
  /** The cursor of the next step; null at the start. */
  cursor: string | null;
}
