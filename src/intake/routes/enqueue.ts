import { delayRule, maxDelaySeconds } from "../../queue/accept/prepare";
import * as v from "valibot";
import { problemOfRefusal, wrongInput } from "../../errors";
import { boundedList, boundedName, boundedText, checkedLater, fieldRule } from "../../bounded";
import type { EnqueueRequest, Receipt, Refused } from "../../queue/request";
import { batchReport, enqueueValid, lostReceipt } from "../refusals";
import { largeBody, smallBody } from "../body";
import { entryKey, idempotencyHeader, idempotencyHeaders, idempotencyKey, readIdempotencyKey } from "../idempotency";
import { time } from "../query";
import type { IntakeDeps } from "../deps";
import { type RouteAnswer, route } from "../route";
import { acceptedShape, batchShape } from "../shapes";
import { invalid } from "../../queue/accept/receipts";
import { check } from "../../queue/validate";
import { targetIssue, type TargetRules } from "../own-host";

const maxJobs = 10_000;

const jobEntries = {
  type: boundedName("must be a type as /v1/types lists them"),
  payload: v.unknown(),
  delaySeconds: v.optional(v.pipe(v.number(), v.integer(delayRule), v.minValue(0, delayRule), v.maxValue(maxDelaySeconds, delayRule))),
  runAt: v.optional(time),
  dryRun: v.optional(v.boolean()),
};

function oneTime<Input extends { delaySeconds?: number | undefined; runAt?: number | undefined }>() {
  const isOne = ({ delaySeconds, runAt }: Pick<Input, "delaySeconds" | "runAt">) => delaySeconds === undefined || runAt === undefined;
  return fieldRule<Input, "delaySeconds" | "runAt">(["delaySeconds", "runAt"], isOne, "cannot go together with delaySeconds", "runAt");
}

/** One job. Only enqueue validates the payload, by its type's schema. */
export const jobRequest = v.pipe(v.strictObject(jobEntries), oneTime());

const madeRule = "must be a whole number from 0 to 1,000";

/** One job of a batch. Without a key of its own its key is made of the header's key and its place in the list. */
export const batchJob = v.pipe(
  v.strictObject({
    ...jobEntries,
    idempotencyKey: v.optional(idempotencyKey),
    attemptsMade: v.optional(
      v.pipe(
        v.number(madeRule),
        v.integer(madeRule),
        v.minValue(0, madeRule),
        v.maxValue(1000, madeRule),
        v.description("Attempts made in another system. They count here; at least one attempt is left"),
      ),
    ),
    failed: v.optional(
      v.pipe(
        boundedText(1000, { min: 1, rule: "must be 1 to 1,000 characters" }),
        v.description("Why the job failed for good in another system: it is recorded as a dead letter and runs only when it is replayed"),
      ),
    ),
  }),
  oneTime(),
  fieldRule(
    ["failed", "delaySeconds", "runAt"],
    ({ failed, delaySeconds, runAt }) => failed === undefined || (delaySeconds === undefined && runAt === undefined),
    "cannot go together with a delay",
    "failed",
  ),
);

/** The handler validates item by item: one wrong job must not refuse the others. */
export const batchRequest = v.strictObject({
  jobs: boundedList(checkedLater(batchJob), maxJobs, { min: 1, rule: "must hold 1 to 10,000 jobs" }),
});

export const enqueueRoutes = [
  route("POST /v1/jobs", {
    name: "enqueueJob",
    summary: "Enqueue a job",
    description:
      "The body may set `delaySeconds` or `runAt`, and `dryRun`. With an `Idempotency-Key` the same payload is the same job and another payload is 422. A job that is dead, discarded or cancelled runs again when its key is sent again.",
    scope: "enqueue",
    headers: idempotencyHeaders,
    body: { schema: jobRequest, limit: smallBody, jsonCheckedLater: true },
    answers: { 202: acceptedShape },
    problems: [429, 503],
    handle: async ({ deps, tenant, request, body }) => {
      const key = readIdempotencyKey(request.headers);
      const issue = targetIssue(body.type, body.payload, { requestUrl: request.url, rules: deps.rules });
      if (issue) throw problemOfRefusal(invalid([issue]));
      const [receipt] = await deps.enqueue([{ ...body, tenant, key }]);
      return acceptedAnswer(receipt);
    },
  }),
  route("POST /v1/jobs/batch", {
    name: "enqueueJobs",
    summary: "Enqueue up to 10,000 jobs; with an idempotency key the list may be sent again safely",
    description:
      "Each job has an answer of its own, so one wrong job refuses no other. The header `Idempotency-Key` gives each job without a key of its own the key `{key}:{index}`.",
    scope: "enqueue",
    headers: {
      [idempotencyHeader]:
        "Of each job without a key of its own the key becomes {this}:{index}, or its hash beyond 256 characters: 1 to 256 characters, in quotes or bare",
    },
    body: { schema: batchRequest, limit: largeBody, jsonCheckedLater: true },
    answers: { 202: batchShape },
    problems: [429],
    handle: async ({ deps, tenant, body, bodyLength, request: { url, headers } }) => {
      const listKey = readIdempotencyKey(headers);
      const keyAt = async (index: number) => (listKey === undefined ? undefined : entryKey(listKey, String(index)));
      const target = { requestUrl: url, rules: deps.rules };
      const read = await Promise.all(body.jobs.map(async (job, index) => readBatchJob(tenant, job, target, await keyAt(index))));
      return enqueueAll(deps, read, bodyLength);
    },
  }),
];

/** The answer for one job. Throws the Problem of a refusal. */
export function acceptedAnswer(receipt: Receipt | undefined, more: Readonly<Record<string, unknown>> = {}): RouteAnswer {
  if (!receipt?.ok) throw problemOfRefusal(receipt ?? lostReceipt);
  const { id, type, state, replayed } = receipt;
  return { status: 202, body: { id, type, state, ...more }, headers: { location: `/v1/jobs/${id}`, ...(replayed ? { "idempotent-replayed": "true" } : {}) } };
}

/** Enqueues the valid entries of a list and answers for each entry. Throws `too-many-requests` when all are refused for that. */
export async function enqueueAll(deps: Pick<IntakeDeps, "enqueue">, read: readonly (EnqueueRequest | Refused)[], bodyLength: number): Promise<RouteAnswer> {
  const all = await enqueueValid(deps, read);
  const [first] = all;
  if (first && !first.ok && all.every((each) => !each.ok && each.code === "too-many-requests")) throw problemOfRefusal(first);
  return batchReport(all, bodyLength);
}

export function readBatchJob(tenant: string, job: unknown, target: TargetRules, usualKey: string | undefined): EnqueueRequest | Refused {
  const checked = check(batchJob, job);
  if (!checked.ok) return { ok: false, code: "invalid", detail: wrongInput("The job", checked.issues), errors: checked.issues };
  const { idempotencyKey: key = usualKey, ...request } = checked.value;
  const issue = targetIssue(request.type, request.payload, target);
  return issue ? invalid([issue]) : { ...request, tenant, key };
}
