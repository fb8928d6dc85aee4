import { withCommas } from "../decimal";

/** Characters of a result, and of a cursor, as JSON. */
export const maxResult = 64 * 1024;
export const maxCursor = 16 * 1024;

/** What is wrong with a cursor's JSON text; undefined: nothing. */
export function cursorIssue({ length }: string): string | undefined {
  return length > maxCursor ? `the cursor has ${length} characters, at most ${withCommas(maxCursor)} are kept` : undefined;
}

/** All that a run may return. Made only by the five functions below. */
export type Outcome = Done | Retry | Wait | Again | Discard;

const mark = Symbol("outcome");

interface Done {
  readonly [mark]: true;
  readonly kind: "done";
  readonly result: unknown;
  readonly after: (() => void) | undefined;
}
/** The text that an outside system answered with: stored with the job, shown to an admin only. */
interface Quoting {
  readonly providerMessage: string | undefined;
}

export interface Retry extends Quoting {
  readonly [mark]: true;
  readonly kind: "retry";
  readonly reason: string;
  readonly after: number | undefined;
}
export interface Wait extends Quoting {
  readonly [mark]: true;
  readonly kind: "wait";
  readonly reason: string;
  readonly until: number;
  readonly gate: string | undefined;
  readonly park: boolean;
  /** Parked behind the jobs that wait at the gate, not by its age. */
  readonly last: boolean;
}
interface Again {
  readonly [mark]: true;
  readonly kind: "again";
  readonly cursor: unknown;
}
export interface Discard extends Quoting {
  readonly [mark]: true;
  readonly kind: "discard";
  readonly reason: string;
}

/**
 * The work is finished. `result` is kept with the job (as JSON, at most `maxResult` characters) and shown masked.
 * `after` runs once the ledger has recorded it, at most once: for what may be lost but must not repeat.
 */
export function done(result?: unknown, options: { after?: () => void } = {}): Done {
  return { [mark]: true, kind: "done", result, after: options.after };
}

/**
 * A failure that may pass: counts an attempt. `after` is the least number of seconds to wait
 * (a provider's Retry-After); without it the policy's backoff decides.
 */
export function retry(reason: string, options: { after?: number; providerMessage?: string | undefined } = {}): Retry {
  return { [mark]: true, kind: "retry", reason, after: options.after, providerMessage: options.providerMessage };
}

/**
 * Not a failure (rate limit, quota, closed gate): counts no attempt, shows its reason, capped by the policy's maxAge.
 * `until` is in milliseconds since 1970. With `gate` the job is parked at that gate when the wait is longer than
 * 60 s, or at once with `park`, and let in at the gate's rate. With `last` it is let in after those that wait there already:
 * a job that was refused must not be the one that tries again, each time before all others.
 */
export function wait(reason: string, options: { until: number; gate?: string; park?: boolean; last?: boolean; providerMessage?: string | undefined }): Wait {
  const { until, gate, park = false, last = false, providerMessage } = options;
  return { [mark]: true, kind: "wait", reason, until, gate, park, last, providerMessage };
}

/** Yield: the rest is done by a new message that starts from `cursor` (as JSON, at most `maxCursor` characters). Counts as progress. */
export function again(cursor: unknown): Again {
  return { [mark]: true, kind: "again", cursor };
}

/** Permanent failure: a dead letter at once. `reason` must hold nothing secret or personal. */
export function discard(reason: string, options: { providerMessage?: string | undefined } = {}): Discard {
  return { [mark]: true, kind: "discard", reason, providerMessage: options.providerMessage };
}

/** Whether a value was made by one of the five functions. */
export function isOutcome(value: unknown): value is Outcome {
  return typeof value === "object" && value !== null && mark in value;
}
