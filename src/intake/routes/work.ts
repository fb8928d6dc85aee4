import * as v from "valibot";
import { beat, type BeatResult } from "../../domain/work/beat";
import { enqueueChildren } from "../../domain/work/children";
import { beginEffect, endEffect } from "../../domain/work/effects";
import type { WorkDeps } from "../../domain/work/deps";
import type { WorkRefusal, WorkScope } from "../../domain/work/model";
import { pull } from "../../domain/work/pull";
import { release } from "../../domain/work/release";
import { settle, type SettleResult } from "../../domain/work/settle";
import { maxUploadedResult, resultAddress } from "../../domain/work/upload-result";
import { boundedList, checkedLater } from "../../bounded";
import { maxItems } from "../../domain/work/model";
import { Problem, issueSummary } from "../../errors";
import type { JobRef } from "../../queue/ports/job-row";
import { batchReport } from "../refusals";
import { largeBody, smallBody } from "../body";
import { type RouteCall, param } from "../route";
import { batchShape } from "../shapes";
import { ownJob, problemOf, workRoute } from "../work/call";
import { readItems, resultsOf } from "../work/items";
import * as requests from "../../domain/work/requests";
import * as shapes from "../work/shapes";
import { batchJob, readBatchJob } from "./enqueue";

const childrenRequest = v.strictObject({
  lease: requests.lease,
  jobs: boundedList(checkedLater(batchJob), maxItems, { min: 1, rule: `must hold 1 to ${maxItems} jobs, each as in POST /v1/jobs/batch` }),
});

export const workRoutes = [
  workRoute("POST /v1/work/pull", {
    name: "pullWork",
    summary: "Pull jobs of remote types; waits up to `waitSeconds` for some",
    tenant: "any",
    schema: requests.pullRequest,
    limit: smallBody,
    answers: { 200: shapes.pulledShape },
    problems: [409, 429],
    handle: async ({ deps, body, request }, { scope, deps: work }) => {
      checkTypes(work, scope, body.types);
      const pulled = await pull(work, scope, body, request.signal);
      if (!pulled.ok) throw problemOf(pulled, "", deps.now());
      const { ok: _, isRepeat: __, ...answer } = pulled;
      const jobs = answer.jobs.map((job) => (job.payloadUrl === undefined ? job : { ...job, payloadUrl: new URL(job.payloadUrl, request.url).href }));
      return { status: 200, body: { ...answer, jobs } };
    },
  }),
  workRoute("POST /v1/work/beat", {
    name: "beatWork",
    summary: "Heartbeats of many jobs: extend their leases, report their progress",
    tenant: "any",
    schema: requests.beatsRequest,
    limit: largeBody,
    answers: { 200: shapes.beatsShape },
    handle: async ({ deps, body }, { scope, deps: work }) => {
      const items = readItems(requests.beatItem, body.beats);
      const results = await resultsOf(
        deps,
        scope,
        items,
        (own) => beat(work, own),
        (_, result) => result,
      );
      const state = await work.workers.noteCall(scope.tenant ?? "*", body.worker, "beat", deps.now());
      return { status: 200, body: { results, workerState: state } };
    },
  }),
  workRoute("POST /v1/work/:id/beat", {
    name: "beatJob",
    summary: "Heartbeat of one job",
    schema: requests.oneBeat,
    limit: smallBody,
    answers: { 200: shapes.beatShape },
    problems: [409, 410],
    handle: async (call, { scope, deps: work }) => {
      const ref = await ownJob(call);
      const [result] = await beat(work, [{ ...call.body, ...ref }]);
      if (!result?.ok) throw beatProblem(result, ref.id, call);
      const worker = (await work.ledger.held([ref]))[0]?.worker;
      const workerState = worker ? await work.workers.noteCall(scope.tenant ?? "*", worker, "beat", call.deps.now()) : "run";
      return { status: 200, body: { ...result, workerState } };
    },
  }),
  workRoute("POST /v1/work/settle", {
    name: "settleWork",
    summary: "Settle many jobs; each has its own result",
    tenant: "any",
    schema: requests.settlementsRequest,
    limit: largeBody,
    answers: { 200: shapes.settlementsShape },
    handle: async ({ deps, body }, { scope, deps: work }) => {
      const items = readItems(requests.settlementItem, body.settlements);
      return { status: 200, body: { results: await resultsOf(deps, scope, items, (own) => settle(work, own), settledItem) } };
    },
  }),
  workRoute("POST /v1/work/:id/settle", {
    name: "settleJob",
    summary: "Settle a job: record its outcome; the same call again gets the same answer",
    schema: requests.oneSettlement,
    limit: smallBody,
    answers: { 200: shapes.settledShape },
    problems: [409, 410, 413],
    handle: async (call, { deps: work }) => {
      const ref = await ownJob(call);
      const [result] = await settle(work, [{ ...call.body, ...ref }]);
      if (!result) throw new Error("a settlement has no answer");
      if (!result.ok) throw problemOf(result, ref.id, call.deps.now());
      return { status: 200, body: { state: result.state, at: result.at } };
    },
  }),
  workRoute("POST /v1/work/:id/effects/:key", {
    name: "beginEffect",
    summary: "Begin an effect: an act on the outside world, once per job",
    schema: requests.beginRequest,
    limit: smallBody,
    params: { key: requests.effectKeyPattern },
    answers: { 200: shapes.begunShape },
    problems: [409, 410],
    handle: async (call, { deps: work }) => {
      const ref = await ownJob(call);
      const begun = orProblem(await beginEffect(work, { ...ref, ...call.body, key: param(call, "key") }), ref, call);
      const { ok: _, ...body } = begun;
      return { status: 200, body };
    },
  }),
  workRoute("PUT /v1/work/:id/effects/:key", {
    name: "endEffect",
    summary: "Record the result of an effect",
    schema: requests.endRequest,
    limit: smallBody,
    params: { key: requests.effectKeyPattern },
    answers: { 200: shapes.endedEffectShape },
    problems: [409, 410, 413],
    handle: async (call, { deps: work }) => {
      const ref = await ownJob(call);
      const { lease, ...ending } = call.body;
      if ("result" in ending) checkEffectResult(ending.result);
      const ended = orProblem(await endEffect(work, { ...ref, lease, key: param(call, "key"), ending }), ref, call);
      return { status: 200, body: { state: ended.state } };
    },
  }),
  workRoute("POST /v1/work/:id/result-upload", {
    name: "resultUpload",
    summary: "Get an address to upload a result that is too large for the settlement",
    schema: requests.uploadRequest,
    limit: smallBody,
    answers: { 200: shapes.uploadShape },
    problems: [409, 410],
    handle: async (call, { deps: work }) => {
      const ref = await ownJob(call);
      const address = orProblem(await resultAddress(work, ref, call.body.lease), ref, call);
      return { status: 200, body: { resultUrl: new URL(address.path, call.request.url).href, maxBytes: maxUploadedResult } };
    },
  }),
  workRoute("POST /v1/work/:id/release", {
    name: "releaseJob",
    summary: "Give a job back: others may take it, no attempt is counted",
    schema: requests.releaseRequest,
    limit: smallBody,
    answers: { 200: shapes.releasedShape },
    problems: [409, 410],
    handle: async (call, { deps: work }) => {
      const ref = await ownJob(call);
      const released = orProblem(await release(work, { ...ref, ...call.body }), ref, call);
      return { status: 200, body: { state: released.state } };
    },
  }),
  workRoute("POST /v1/work/:id/children", {
    name: "enqueueChildren",
    summary: "Enqueue children of a job: the same key from the same job is the same child",
    schema: childrenRequest,
    limit: largeBody,
    answers: { 202: batchShape },
    problems: [409, 410, 429],
    handle: async (call, { deps: work }) => {
      const ref = await ownJob(call);
      const { lease, jobs } = call.body;
      const target = { requestUrl: call.request.url, rules: call.deps.rules };
      const children = jobs.map((job) => readBatchJob(ref.tenant, job, target, undefined));
      const enqueued = orProblem(await enqueueChildren(work, { ...ref, lease }, children), ref, call);
      return batchReport(enqueued.receipts, JSON.stringify(jobs).length) as { status: number; body: unknown };
    },
  }),
];

/** Returns the result, or throws the Problem of a refusal. */
function orProblem<Result extends { ok: true }>(result: Result | WorkRefusal, { id }: JobRef, { deps }: Pick<RouteCall, "deps">): Result {
  if (result.ok) return result;
  throw problemOf(result, id, deps.now());
}

/** Bounds the result of an effect, which the job's row stores. Characters as JSON. */
const maxEffectResult = 64 * 1024;

function checkEffectResult(result: unknown): void {
  const { length } = JSON.stringify(result ?? null);
  if (length > maxEffectResult) throw new Problem("too-large", `The result has ${length} characters as JSON, at most ${maxEffectResult} are kept.`);
}

/** A worker may ask for remote types that its token is bound to. Those are checked first: a bound token learns nothing about other types. */
function checkTypes({ engine }: WorkDeps, { types: bound }: WorkScope, types: readonly string[]): void {
  const foreign = types.find((type) => bound && !bound.includes(type));
  if (foreign !== undefined) throw new Problem("type-not-allowed", `This token is not for the type ${foreign}; it is for ${bound?.join(", ")}.`);
  const issues = types.flatMap((type, index) => {
    const contract = engine.registry.find(type)?.contract;
    const isKnown = contract?.remote && !contract.internal && contract.type === type;
    return isKnown ? [] : [{ path: `types[${index}]`, message: "is not a type that workers outside take" }];
  });
  if (issues.length > 0) throw new Problem("invalid", issueSummary(issues), { errors: issues });
}

function settledItem(id: string, result: SettleResult) {
  if (result.ok) return { id, ...result };
  const { code, state, detail, errors = [] } = result;
  return { id, ok: false, code: code === "not-found" ? "unknown" : code, state, detail: errors.length > 0 ? `${detail} ${issueSummary(errors)}` : detail };
}

function beatProblem(result: Extract<BeatResult, { ok: false }> | undefined, id: string, { deps }: Pick<RouteCall, "deps">): Problem {
  const { code = "unknown", state = null } = result ?? {};
  const details = { unknown: "There is no such job.", ended: "The job has ended: stop.", "lease-lost": "The lease has ended: stop." };
  return problemOf({ ok: false, code: code === "unknown" ? "not-found" : code, detail: details[code], state }, id, deps.now());
}
