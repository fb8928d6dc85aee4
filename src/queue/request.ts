import type { Code, Issue } from "../errors";
import type { JobState } from "./state";

/** One job to be enqueued. */
export interface EnqueueRequest {
  tenant: string;
  type: string;
  /** As parsed from JSON; validated by the type's schema here, and nowhere else. */
  payload: unknown;
  /** The sender's idempotency key: 1 to 256 characters. */
  key?: string | undefined;
  /**
   * The parts of an idempotency key that our own code makes (a schedule and its planned time). The id derives from it in another way than from `key`:
   * no sender can use such a key up. Not together with `key`.
   */
  own?: readonly string[] | undefined;
  /** The text that was the `key` of such a job before own keys were kept apart: a job that was accepted under it then is this job. */
  formerKey?: string | undefined;
  /** The request is our own: internal types and fields that senders may not give are allowed. */
  internal?: boolean | undefined;
  /**
   * What two requests under one key must have in common to be the same; default: the payload. For payloads that also hold what differs
   * between two presses of one button, as the time. Of two such payloads one is run, whichever message comes first.
   */
  fingerprintOf?: string | undefined;
  /** Whole seconds from now, up to 366 days. Not together with runAt. */
  delaySeconds?: number | undefined;
  /** Milliseconds since 1970; in the past means now. */
  runAt?: number | undefined;
  dryRun?: boolean | undefined;
  /** `{trace id}-{flags}` of the sender's W3C trace. */
  trace?: string | undefined;
  /** Why it failed for good elsewhere: it is recorded as a dead letter and does not run until it is replayed. Not together with a delay. */
  failed?: string | undefined;
  /** Attempts made in another system: they count, and one is left at least. */
  attemptsMade?: number | undefined;
  /** Whether the key of a dead letter brings it back. Default true; false for senders that repeat themselves, as a tick does. */
  revive?: boolean | undefined;
}

/** What became of one request. */
export type Receipt = Accepted | Refused;

interface Accepted {
  ok: true;
  id: string;
  type: string;
  state: JobState;
  /** True when the key was known already and nothing new was enqueued. */
  replayed: boolean;
  /** The job of the key is there, its payload is not: a person's data were erased. Nothing was enqueued. */
  erased?: true;
}

export interface Refused {
  ok: false;
  /** invalid, idempotency-mismatch, too-many-requests, too-large or unavailable. */
  code: Code;
  detail: string;
  errors: readonly Issue[];
  retryAfter?: number | undefined;
}

/** Accepts many jobs at once, one receipt each, in their order. Never throws for what a sender can cause. */
export type Enqueue = (requests: readonly EnqueueRequest[]) => Promise<Receipt[]>;
