import * as v from "valibot";
import { count, outputList, outputRecord } from "../../bounded";
import type { JobFilter } from "../../ledger/views";

/** A replay after an act on it. */
export interface ChangedReplay {
  replay: ReplayView;
  changed: boolean;
}

/** What a repeated call finds. */
export interface Earlier<View> {
  view: View;
  /** False: another request was made under its id. */
  isSame: boolean;
}

/** Exactly one of filter and ids, neither of them empty. */
export interface ReplayRequest {
  filter?: ReplayFilter | undefined;
  ids?: readonly string[] | undefined;
  /** Merged into each payload (RFC 7396); the result is validated before anything is sent. */
  patch?: Record<string, unknown> | undefined;
  /** Jobs that are sent first; the others follow once these have ended and most of them well. 0: all at once. Default 5. */
  canary?: number | undefined;
  ratePerMinute?: number | undefined;
}

export const defaultCanary = 5;

/** As lists of jobs: from and to are times of accepting in milliseconds, from inclusive, to exclusive. */
export type ReplayFilter = Pick<JobFilter, "type" | "queue" | "siteId" | "parent" | "q" | "from" | "to"> & {
  state?: "dead" | "discarded" | undefined;
  group?: string | undefined;
};

/** What a replay would do. */
export const planShape = v.object({
  total: count,
  byType: outputRecord(count),
  // Those that cannot be replayed with this patch; up to 100.
  refused: outputList(v.object({ id: v.string(), reason: v.string() })),
  // Payloads that were tried with the patch: the first 500.
  checked: count,
  // Whether there are more dead letters than a plan counts.
  more: v.boolean(),
  effects: v.object({
    done: v.pipe(count, v.description("Jobs whose effect happened; without a patch it is not repeated")),
    inDoubt: v.pipe(count, v.description("Jobs with an uncertain effect: settle it first, or they fail in the same way")),
  }),
  providerCalls: v.pipe(count, v.description("About how many calls of outside systems it makes")),
  usd: v.pipe(v.number(), v.description("About what Cloudflare bills for it; what the outside systems bill is not in it")),
  running: v.pipe(
    outputList(v.string()),
    v.description("Ids of running replays that still send and may name the same dead letters: by their filters, or a shared id"),
  ),
});

export type ReplayPlan = v.InferOutput<typeof planShape>;

export interface ReplayView {
  id: string;
  tenant: string;
  /** `running` until the last job that it sent has ended; `stopped` before all were sent, for the reason given. */
  state: "running" | "stopped" | "done";
  reason: string | null;
  /** Dead letters that it named when it began. */
  total: number;
  sent: number;
  /** Those sent, by what became of them; `cancelled` also when they are no longer kept. */
  succeeded: number;
  failedAgain: number;
  cancelled: number;
  open: number;
  /** Those that could not be sent: no dead letters any more, or the patch does not fit. */
  failed: number;
  /** Dead letters that it has not sent yet. */
  unsent: number;
  canary: number;
  /** Ids of jobs that failed again, the first 20. */
  examples: readonly string[];
  /** Milliseconds. */
  at: number;
  endedAt: number | null;
  /** Null: as fast as they can. */
  ratePerMinute: number | null;
  /** What it names: a filter, or so many jobs one by one; the other is null. */
  filter: ReplayFilter | null;
  ids: number | null;
  /** The names of the fields that it changes in each payload. */
  patched: readonly string[];
  /** Who began it: `root` or the id of a token, and what that token is called; null: not recorded. */
  actor: string | null;
  actorName: string | null;
  /** The last stop that a resumption ended; null: none is recorded. */
  resumed: Resumption | null;
}

/** Who resumed a stopped replay, and why it had stopped. Times in milliseconds. */
export interface Resumption {
  at: number;
  actor: string | null;
  actorName: string | null;
  reason: string | null;
  stoppedAt: number | null;
}

/** A replay as it is kept: what was asked, how far it is. */
export interface Replay extends Omit<ReplayView, "unsent"> {
  request: ReplayRequest;
  /** Where the next step goes on; null at the start. */
  cursor: string | null;
  /** The job whose outcome was looked at last. */
  looked: string;
  /** The counts when it was last resumed; zeros if it never was. */
  before: Progress;
  /** What a stopped one could still send when that was last counted; null: not counted since it stopped. */
  rest: { unsent: number; at: number } | null;
}

export type Progress = Pick<ReplayView, "sent" | "succeeded" | "failedAgain">;

export const notResumed: Progress = { sent: 0, succeeded: 0, failedAgain: 0 };

/** The part of a request that its view shows: no value of a patch, which may be personal. */
export function namedBy({ filter, ids, patch = {} }: ReplayRequest): Pick<ReplayView, "filter" | "ids" | "patched"> {
  return { filter: filter ?? null, ids: ids?.length ?? null, patched: Object.keys(patch) };
}

/** Why a replay that an operator stopped has ended. */
export const stoppedByOperator = "an operator stopped it";
