import * as v from "valibot";
import { count, outputList } from "../../bounded";
import { handedOutShape, workerTime as time } from "../../domain/work/requests";
import { states } from "../../queue/state";

/** Shapes of the answers to workers. Times are milliseconds since 1970. */

const state = v.picklist(states);
const workerState = v.pipe(
  v.picklist(["run", "quiet", "stop"]),
  v.description("State that an operator requested: quiet takes no new jobs, stop ends after the jobs that it holds"),
);
const json = v.pipe(v.unknown(), v.description("JSON"));

export const pulledShape = v.object({
  jobs: outputList(handedOutShape),
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
