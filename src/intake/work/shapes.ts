import * as v from "valibot";
import { outputList, outputRecord } from "../../bounded";
import { states } from "../../queue/state";
import { count } from "../shapes";

/** Shapes of the answers to workers. Times are milliseconds since 1970. */

const state = v.picklist(states);
const time = v.pipe(v.number(), v.integer(), v.description("Milliseconds since 1970, by the server's clock"));
const workerState = v.pipe(
  v.picklist(["run", "quiet", "stop"]),
  v.description("State that an operator requested: quiet takes no new jobs, stop ends after the jobs that it holds"),
);
const json = v.pipe(v.unknown(), v.description("JSON"));

const job = v.object({
  id: v.string(),
  type: v.string(),
  version: count,
  tenant: v.string(),
  seq: count,
  attempt: count,
  maxAttempts: count,
  lease: v.pipe(v.string(), v.description("Opaque; send it with every call about the job")),
  leaseUntil: v.pipe(time, v.description("When the lease ends, for information: count from the moment of receipt")),
  startBy: v.pipe(time, v.description("Until the first heartbeat or the settlement the job is only offered; after this it is offered to others")),
  deadline: v.pipe(v.nullable(time), v.description("The lease cannot be extended beyond")),
  payload: v.optional(json),
  payloadUrl: v.optional(v.pipe(v.string(), v.description("Where a payload over 96 KiB is loaded from, without a token; valid as long as the lease"))),
  cursor: v.pipe(v.unknown(), v.description("What the last `again` or heartbeat left; null at first")),
  progress: v.nullable(v.object({ done: v.number(), total: v.nullable(v.number()), note: v.nullable(v.string()) })),
  effects: v.pipe(outputRecord(v.unknown()), v.description("Results of effects that are done, by key")),
  idempotencyKey: v.string(),
  dryRun: v.boolean(),
  traceparent: v.pipe(v.string(), v.description("W3C Trace Context")),
  leaseSeconds: v.pipe(count, v.description("How long the lease is, from the moment of receipt and from each heartbeat")),
  heartbeatSeconds: v.pipe(count, v.description("How often a heartbeat is expected")),
});

export const pulledShape = v.object({
  jobs: outputList(job),
  pollAfterMs: v.pipe(count, v.description("Milliseconds until the next pull")),
  workerState,
});

const beaten = { leaseUntil: time, cancel: v.nullable(v.object({ reason: v.string() })), pause: v.boolean() };
export const beatShape = v.object({ id: v.string(), ok: v.literal(true), ...beaten, workerState });

const code = v.pipe(v.string(), v.description("lease-lost, ended, unknown, already-settled, invalid, too-large"));
const unfit = { id: v.nullable(v.string()), ok: v.literal(false), code, state: v.nullable(state), detail: v.optional(v.string()) };

export const beatsShape = v.object({
  results: outputList(v.union([v.object({ id: v.string(), ok: v.literal(true), ...beaten }), v.object(unfit)])),
  workerState,
});

const settled = { state, at: time };
export const settledShape = v.object(settled);
export const settlementsShape = v.object({
  results: outputList(v.union([v.object({ id: v.string(), ok: v.literal(true), ...settled }), v.object(unfit)])),
});

export const begunShape = v.union([
  v.object({ state: v.literal("new"), idempotencyKey: v.pipe(v.string(), v.description("Pass it to the outside system")) }),
  v.object({ state: v.literal("done"), result: json }),
]);
export const endedEffectShape = v.object({ state: v.picklist(["done", "failed"]) });
export const uploadShape = v.object({
  resultUrl: v.pipe(v.string(), v.description("PUT the result there as JSON, without a token; valid as long as the lease")),
  maxBytes: count,
});
export const uploadedShape = v.object({ resultId: v.pipe(v.string(), v.description("For the outcome done, in place of its result")) });
export const releasedShape = v.object({ state });

export const workersShape = outputList(
  v.object({
    worker: v.string(),
    types: outputList(v.string()),
    lastPoll: v.nullable(time),
    lastBeat: v.nullable(time),
    leases: count,
    state: v.pipe(
      v.picklist(["run", "quiet", "stop", "ended"]),
      v.description("State that an operator requested; ended: it holds no job and has not called for a minute"),
    ),
  }),
);
export const workerStateShape = v.object({ worker: v.string(), state: workerState });
