import type { RemoteJobs } from "./jobs.js";

export type { RemoteJobs };

/** What a handler may return besides a result: made by the five functions below. */
export interface Outcome {
  readonly outcome?: never;
}

/** Finished. Returning a plain value does the same. */
export declare function done(result?: unknown): Outcome;
/** A failure that may pass: counts an attempt. Throwing has the same effect. */
export declare function retry(reason: string, options?: { afterSeconds?: number }): Outcome;
/** Not a failure (rate limit, quota): counts no attempt. `until` in milliseconds, or a date. */
export declare function wait(reason: string, options: { until: number | Date }): Outcome;
/** There is more to do, from this cursor. */
export declare function again(cursor: unknown): Outcome;
/** Will never succeed: a dead letter. */
export declare function discard(reason: string): Outcome;

/** Thrown by a context whose job shall end, or is another worker's by now. */
export declare class JobEnded extends Error {
  readonly why: "cancelled" | "lease-lost" | "ended" | "stopped";
}

/** Thrown by `effect` when it was begun by a worker that is gone and may have happened: a person decides. */
export declare class Uncertain extends Error {}

/** What the server refused. */
export declare class Refused extends Error {
  readonly status: number;
  readonly code: string;
  readonly body: unknown;
}

export interface JobContext {
  readonly id: string;
  readonly type: string;
  readonly tenant: string;
  /** 1 for the first try since the last progress. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** What the last `again` or `checkpoint` left; undefined at first. */
  readonly cursor: unknown;
  /** Effects are not done, whatever the handler does. */
  readonly dryRun: boolean;
  readonly idempotencyKey: string;
  /** W3C Trace Context. */
  readonly traceparent: string;
  /** Fires when the job was cancelled, its lease is lost, or the worker ends. */
  readonly signal: AbortSignal;
  /** Its type, queue or tenant is paused: a good moment for `again`. */
  readonly isPaused: boolean;
  /**
   * Does `act` once per job, whatever crashes: recorded before and after. `act` gets the key to pass on as the outside system's idempotency key;
   * `idempotentForSeconds` is how long that system refuses a second request with it. A result is JSON of up to 64 KiB.
   */
  effect<T>(key: string, act: (idempotencyKey: string) => Promise<T>, options?: { idempotentForSeconds?: number }): Promise<T>;
  /** Shown on the job's page with the next heartbeat. */
  progress(done: number, total?: number, note?: string): Promise<void>;
  /** Saves where to go on; counts as progress, so attempts start anew. JSON of up to 8 KiB: throws when it is refused. */
  checkpoint(cursor: unknown): Promise<void>;
  /** Enqueues children, once however often the run is repeated; `idempotencyKey` distinguishes them. */
  enqueue(
    jobs: readonly ChildJob[],
  ): Promise<{ accepted: number; rejected: readonly { index: number; code: string; detail: string }[]; ids: readonly (string | null)[] }>;
}

export interface ChildJob {
  type: string;
  payload: unknown;
  idempotencyKey?: string;
  delaySeconds?: number;
  runAt?: string;
  dryRun?: boolean;
}

/** Does the work of one type. What it returns is the result, unless it is an outcome; what it throws is tried again. */
export type Handler<Payload = unknown, Result = unknown> = (payload: Payload, job: JobContext) => Promise<Result | Outcome> | Result | Outcome;

/** One handler for each type it takes; those of the registry are typed. */
export type Handlers<Jobs> = { [Type in keyof Jobs]?: Jobs[Type] extends { payload: infer Payload; result: infer Result } ? Handler<Payload, Result> : never };

export interface WorkerOptions<Jobs = RemoteJobs> {
  url: string;
  /** With the scope `work`. */
  token: string;
  handlers: Handlers<Jobs>;
  /** Jobs side by side. Default 10. */
  concurrency?: number;
  /** Its name in `GET /v1/workers`: 1 to 128 of A-Z, a-z, 0-9, ., _ and -. Default: host, process and a random part. */
  worker?: string;
  /** Default: the type's. */
  leaseSeconds?: number;
  /** After SIGTERM or `stop()`, jobs under way have so long to end before they are given back. Default 30. */
  graceSeconds?: number;
  /** A pull waits so long for jobs. Default 20, at most 25. */
  waitSeconds?: number;
  /** Called with each error after which the worker tries again. Default: console.error. */
  onError?: (error: unknown) => void;
  /** Instead of the global one, for a proxy or a test. Heartbeats then share the handlers' event loop; without it they have a thread of their own. */
  fetch?: typeof fetch;
}

export interface Worker {
  readonly name: string;
  /** What an operator asked of it. */
  readonly state: "run" | "quiet" | "stop";
  /** Takes and does jobs until `stop()`, SIGTERM, SIGINT, or an operator's stop; ends when all of them are settled or given back. */
  run(): Promise<void>;
  /** Takes nothing new, and ends when what it has is done. */
  stop(): Promise<void>;
}

export declare function createWorker<Jobs = RemoteJobs>(options: WorkerOptions<Jobs>): Worker;
