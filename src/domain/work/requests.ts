import { withCommas } from "../../decimal";
import * as v from "valibot";
import { maxItems } from "./model";
import { boundedList, boundedName, boundedRecord, boundedText, checkedLater, count, outputRecord } from "../../bounded";
import { maxTokenTypes } from "../../tenants/token";
import { daySeconds } from "../../time/day";

/** Schemas of the bodies that workers send, see docs/remote-workers.md. */

const maxNote = 200;
const maxReason = 4000;
const maxBeatCursor = 8 * 1024;
const workerRule = "must be 1 to 128 of the characters A-Z, a-z, 0-9, ., _ and -";

export const workerPattern = { pattern: /^[A-Za-z0-9._-]{1,128}$/, message: workerRule };
const workerName = boundedText(128, { min: 1, pattern: workerPattern.pattern, rule: workerRule });
/** Visible ASCII without the slash, which would end the part of the path. */
export const effectKeyPattern = { pattern: /^[!-.0-~]{1,128}$/, message: "must be 1 to 128 visible ASCII characters, none of them /" };

export const lease = boundedText(64, { min: 1 });
const jobId = boundedName("must be the id of a job");
const ofTenant = v.optional(v.pipe(boundedName(), v.description("Tenant of the job, for a caller of all tenants")));

function wholeNumber(min: number, max: number, unit: string) {
  const rule = `must be a whole number from ${withCommas(min)} to ${withCommas(max)}${unit}`;
  return v.pipe(v.number(rule), v.integer(rule), v.minValue(min, rule), v.maxValue(max, rule));
}

const typeRule = "must be a type as /v1/types lists them";
const uuid = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;

export const pullRequest = v.strictObject({
  worker: workerName,
  pullId: v.pipe(
    boundedText(36, { pattern: uuid, rule: "must be a UUID, a new one for each pull" }),
    v.description("A repeat within five minutes gets the same jobs and leases, without those that ended"),
  ),
  types: boundedList(boundedName(typeRule), maxTokenTypes, { min: 1, rule: `must name 1 to ${maxTokenTypes} types` }),
  versions: v.optional(
    v.pipe(
      boundedRecord(boundedName(typeRule), boundedList(wholeNumber(1, 1_000_000, ""), 20, { min: 1 }), maxTokenTypes),
      v.description("Payload versions that the worker reads, by type; for a type without an entry payloads are upgraded to the newest version"),
    ),
  ),
  max: v.optional(wholeNumber(1, maxItems, ""), 1),
  waitSeconds: v.optional(wholeNumber(0, 25, " seconds"), 20),
  leaseSeconds: v.optional(v.pipe(wholeNumber(10, 3600, " seconds"), v.description("Default: the type's"))),
});

export type PullRequest = v.InferOutput<typeof pullRequest>;

const progress = v.strictObject({
  done: v.number(),
  total: v.optional(v.nullable(v.number())),
  note: v.optional(v.nullable(boundedText(maxNote))),
});

const beatCursor = v.pipe(
  v.unknown(),
  v.check((value) => value === undefined || JSON.stringify(value).length <= maxBeatCursor, `must have at most ${maxBeatCursor} characters as JSON`),
  v.description("JSON; saved in place of the last, which counts as progress"),
);

const beatEntries = {
  lease,
  extendSeconds: v.optional(v.pipe(wholeNumber(10, 3600, " seconds"), v.description("Default: the pull's leaseSeconds"))),
  progress: v.optional(progress),
  cursor: v.optional(beatCursor),
};

export type HeartbeatRequest = v.InferOutput<typeof oneBeat>;
export const oneBeat = v.strictObject(beatEntries);
export const beatItem = v.strictObject({ id: jobId, tenant: ofTenant, ...beatEntries });

/** Items are validated one by one: a wrong one must not fail the others. */
export const beatsRequest = v.strictObject({
  worker: workerName,
  beats: boundedList(checkedLater(beatItem), maxItems, { min: 1, rule: `must hold 1 to ${maxItems} heartbeats` }),
});

const reason = boundedText(maxReason, { min: 1 });

const outcome = v.variant(
  "kind",
  [
    v.strictObject({ kind: v.literal("done"), result: v.optional(v.unknown()) }),
    v.strictObject({
      kind: v.literal("done"),
      resultId: v.pipe(boundedText(64, { min: 1 }), v.description("Id of a result that was uploaded under this lease, in place of `result`")),
    }),
    v.strictObject({ kind: v.literal("retry"), reason, afterSeconds: v.optional(wholeNumber(0, daySeconds, " seconds")) }),
    v.strictObject({ kind: v.literal("wait"), reason, untilMs: wholeNumber(0, 8_640_000_000_000_000, " milliseconds since 1970") }),
    v.strictObject({ kind: v.literal("again"), cursor: v.unknown() }),
    v.strictObject({ kind: v.literal("discard"), reason }),
  ],
  "must be done, retry, wait, again or discard",
);

export const oneSettlement = v.strictObject({ lease, outcome });
export type SettlementRequest = v.InferOutput<typeof oneSettlement>;
export const settlementItem = v.strictObject({ id: jobId, tenant: ofTenant, lease, outcome });

export const settlementsRequest = v.strictObject({
  settlements: boundedList(checkedLater(settlementItem), maxItems, { min: 1, rule: `must hold 1 to ${maxItems} settlements` }),
});

export const beginRequest = v.strictObject({
  lease,
  idempotentForSeconds: v.optional(
    v.pipe(
      wholeNumber(0, 366 * daySeconds, " seconds"),
      v.description("How long the outside system refuses a second request with the same idempotencyKey; default 0: it takes no key"),
    ),
  ),
});

export const endRequest = v.union(
  [v.strictObject({ lease, result: v.unknown() }), v.strictObject({ lease, failed: reason })],
  "must hold the lease, and result or failed",
);

export const uploadRequest = v.strictObject({ lease });

export const releaseRequest = v.strictObject({ lease, reason: v.optional(reason) });

export const stateRequest = v.strictObject({ state: v.picklist(["run", "quiet", "stop"], "must be run, quiet or stop") });

/** The path parameters of a payload's or a result's address; a wrong one gets the same refusal as a wrong signature. */
export const signedQuery = v.strictObject({ tenant: v.optional(boundedText(63)), signature: v.optional(boundedText(64)) });

export const workerTime = v.pipe(v.number(), v.integer(), v.description("Milliseconds since 1970, by the server's clock"));

/** A job as a worker receives it. */
export type HandedOut = v.InferOutput<typeof handedOutShape>;

export const handedOutShape = v.object({
  id: v.string(),
  type: v.string(),
  version: count,
  tenant: v.string(),
  seq: count,
  attempt: count,
  maxAttempts: count,
  lease: v.pipe(v.string(), v.description("Opaque; send it with every call about the job")),
  leaseUntil: v.pipe(workerTime, v.description("When the lease ends, for information: count from the moment of receipt")),
  startBy: v.pipe(workerTime, v.description("Until the first heartbeat or the settlement the job is only offered; after this it is offered to others")),
  deadline: v.pipe(v.nullable(workerTime), v.description("The lease cannot be extended beyond")),
  payload: v.optional(v.pipe(v.unknown(), v.description("JSON"))),
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
