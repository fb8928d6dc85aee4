import { iso } from "../../time/iso";
import * as v from "valibot";
import type { MailEventView } from "../../domain/mail-events/store";
import { Problem } from "../../errors";
import { smallBody } from "../body";
import { email } from "../../jobs/email/job";
import type { JobDetail } from "../../ledger/views";
import { boundedName, boundedText, outputList } from "../../bounded";
import { mayBeUnwritten } from "../../queue/operate";
import { isTerminal, states } from "../../queue/state";
import { audit, isRevealed } from "../audit";
import type { IntakeDeps } from "../deps";
import { unavailableProblem } from "../problem";
import { fromBeforeTo, jobCursor, jobIdText, paging, revealQuery, search, time } from "../query";
import { siteId } from "../../domain/shop/site/model";
import { refuseForeignParent } from "../selection";
import { param, route } from "../route";
import { idsEntry, refuseForeign } from "../selection";
import { cancelledShape, jobShape, jobsShape, retriedShape } from "../shapes";
import { failureKind } from "../../ledger/failure-kind";
import { detailOf, jobSummary, unwrittenJob, whyView } from "../views";

const effectState = v.pipe(
  v.picklist(["done", "failed"], "must be done (it happened) or failed (it did not)"),
  v.description("done: it happened; failed: it did not"),
);

const findingRequest = v.strictObject({ key: boundedText(256, { min: 1 }), state: effectState });

const findingsRequest = v.strictObject({ ids: idsEntry.wrapped, state: effectState });

export const findingsShape = v.object({
  settled: v.pipe(outputList(v.string()), v.description("Ids of the jobs whose effect is settled")),
  left: v.pipe(
    outputList(v.string()),
    v.description("Ids of the jobs that run, in which no effect or more than one is in doubt, or of which a call without a record may have happened too"),
  ),
});

const listQuery = v.pipe(
  v.strictObject({
    type: v.optional(boundedName("must be a type")),
    state: v.optional(v.picklist([...states, "scheduled"], `must be one of ${states.join(", ")} or scheduled`)),
    queue: v.optional(boundedName("must be a queue")),
    siteId: v.optional(siteId),
    parent: v.optional(v.pipe(jobIdText, v.description("The id of the job that enqueued them: its children"))),
    q: v.optional(
      v.pipe(
        search,
        v.description("An id or its last characters (at least 4), an entity key such as order:123, or words of the error of a failed or waiting job"),
      ),
    ),
    from: v.optional(time),
    to: v.optional(time),
    cursor: jobCursor,
    ...paging,
  }),
  fromBeforeTo(),
);

/** True when neither this deployment nor the ledger has the type: a list is then empty without a query. */
async function isUnheardOf({ registry, queries }: IntakeDeps, tenant: string, type: string | undefined): Promise<boolean> {
  return type !== undefined && registry.find(type) === undefined && !(await queries.hasType(tenant, type));
}

export const jobRoutes = [
  route("GET /v1/jobs", {
    name: "listJobs",
    summary: "List and search jobs, newest first",
    scope: "read",
    query: listQuery,
    answers: { 200: jobsShape },
    handle: async ({ deps, tenant, query }) => {
      const { cursor, limit, ...filter } = query;
      await refuseForeignParent(deps, tenant, filter.parent, "parent");
      if (await isUnheardOf(deps, tenant, filter.type)) return { status: 200, body: { jobs: [], cursor: null } };
      const { jobs, ...page } = await deps.queries.jobs(tenant, { ...filter, now: deps.now() }, { cursor, limit });
      const why = await deps.reports.why(tenant, jobs);
      return { status: 200, body: { jobs: jobs.map((job, index) => ({ ...jobSummary(job), why: whyView(why[index]) })), ...page } };
    },
  }),
  // Before the route of one job, which takes the same address.
  route("POST /v1/jobs/effects", {
    name: "resolveUncertainEffects",
    summary: "Record of up to 1,000 jobs whether their uncertain effect happened, after a look at the provider",
    description:
      "For jobs with one effect in doubt each. A job with several, or with `doubt` and a type that makes several, is settled by `POST /v1/jobs/{id}/effects`.",
    scope: "operate",
    body: { schema: findingsRequest, limit: smallBody },
    answers: { 200: findingsShape },
    handle: async ({ deps, tenant, body, caller }) => {
      const ids = [...new Set(body.ids)];
      await refuseForeign(deps, tenant, ids);
      const settled = await deps.operate.resolveSingleDoubts(tenant, ids, body.state);
      if (settled.length > 0) await audit({ deps, tenant, caller }, "settle-effects", "jobs", JSON.stringify({ state: body.state, jobs: settled.length }));
      return { status: 200, body: { settled, left: ids.filter((id) => !settled.includes(id)) } };
    },
  }),
  route("GET /v1/jobs/:id", {
    name: "getJob",
    summary: "One job with its timeline, effects and payload",
    description: "`?reveal=1` shows personal fields to an admin and is audited.",
    scope: "read",
    query: revealQuery,
    answers: { 200: jobShape },
    handle: async ({ deps, tenant, params, query, caller }) => {
      const id = await ownId(deps, tenant, params);
      const job = await deps.queries.job(tenant, id, deps.now());
      if (!job && !mayBeUnwritten(id, deps.now())) throw forgotten();
      if (!job) return { status: 200, body: unwrittenJob(id) };
      const [payload, result] = await Promise.all([storedText(deps, job.payload, job.ref), storedText(deps, job.result, job.resultRef)]);
      const revealed = await isRevealed({ deps, tenant, caller, query }, id);
      const templateVersion = await templateVersionOf(deps, tenant, job, payload);
      const [why] = await deps.reports.why(tenant, [job]);
      const detail = detailOf(job, { contract: deps.registry.find(job.type)?.contract, payload, result, revealed, templateVersion });
      const reports = job.type === email.type ? await deps.mailEvents.ofJob(tenant, id) : [];
      const isFailing = ["retrying", "dead", "discarded"].includes(job.state);
      const failure = isFailing ? (job.letterGroup ?? (await failureKind(job.type, job.reason ?? ""))) : null;
      return { status: 200, body: { ...detail, failure, why: whyView(why), ...(reports.length > 0 ? { mailEvents: reports.map(reportOf) } : {}) } };
    },
  }),
  route("POST /v1/jobs/:id/cancel", {
    name: "cancelJob",
    summary: "Cancel a job; one that runs ends within seconds",
    scope: "operate",
    answers: { 200: cancelledShape },
    problems: [409],
    handle: async ({ deps, tenant, params }) => {
      const id = await ownId(deps, tenant, params);
      const cancelled = await deps.operate.cancel(tenant, id);
      if (!cancelled) throw forgotten();
      const { state, flagged, changed } = cancelled;
      if (!changed && !flagged) throw new Problem("conflict", `The job has ended: it is ${state}.`);
      return { status: 200, body: { id, state, cancelling: flagged } };
    },
  }),
  route("POST /v1/jobs/:id/retry", {
    name: "retryJob",
    summary: "Run an ended job again; one that waits or is retrying goes on now",
    scope: "operate",
    answers: { 202: retriedShape },
    problems: [409],
    handle: async ({ deps, tenant, params }) => {
      const id = await ownId(deps, tenant, params);
      const retried = await deps.operate.retry(tenant, id);
      if (!retried && !mayBeUnwritten(id, deps.now())) throw forgotten();
      if (!retried?.changed)
        throw new Problem("conflict", `A job that is ${retried?.state ?? "queued"} cannot be retried; one that failed, was cancelled or waits can.`);
      return { status: 202, body: { id, state: retried.state }, headers: { location: `/v1/jobs/${id}` } };
    },
  }),
  route("POST /v1/jobs/:id/run-now", {
    name: "runJobNow",
    summary: "Run a delayed, waiting or retrying job now; a gate or a pause may hold it back again",
    scope: "operate",
    answers: { 202: retriedShape },
    problems: [409],
    handle: async ({ deps, tenant, params }) => {
      const id = await ownId(deps, tenant, params);
      const run = await deps.operate.runNow(tenant, id);
      if (!run && !mayBeUnwritten(id, deps.now())) throw forgotten();
      const { state, changed } = run ?? { state: "queued", changed: false };
      if (!changed) throw new Problem("conflict", `A job that is ${state} is not held back${isTerminal(state) ? "; retry it" : ""}.`);
      return { status: 202, body: { id, state }, headers: { location: `/v1/jobs/${id}` } };
    },
  }),
  route("POST /v1/jobs/:id/effects", {
    name: "resolveUncertainEffect",
    summary: "Record whether an uncertain effect happened, after a look at the provider",
    description: "`done`: it happened. `failed`: it did not, and the next run may do it.",
    scope: "operate",
    body: { schema: findingRequest, limit: smallBody },
    answers: { 200: findingRequest },
    problems: [409],
    handle: async ({ deps, tenant, params, body }) => {
      const id = await ownId(deps, tenant, params);
      if (await deps.operate.resolveUncertainEffect(tenant, id, body.key, body.state)) return { status: 200, body };
      throw new Problem("conflict", "This effect is not in doubt, or its job is running.");
    },
  }),
];

/** The id in the path. A forged id and another tenant's get the same 404, before the ledger is read. */
async function ownId(deps: Pick<IntakeDeps, "ids">, tenant: string, params: Readonly<Record<string, string>>): Promise<string> {
  const id = param({ params }, "id");
  if (await deps.ids.belongs(tenant, id)) return id;
  throw new Problem("not-found", "There is no such job.");
}

/** The payload of the row, or of R2. */
async function storedText(deps: Pick<IntakeDeps, "loadPayload">, text: string | null, ref: string | null): Promise<string | null> {
  if (text !== null || ref === null) return text;
  try {
    return await deps.loadPayload(ref);
  } catch (cause) {
    throw unavailableProblem("The storage of payloads and results cannot be reached.", cause);
  }
}

/** The template version that the job's runs use; undefined for a job without a template. */
async function templateVersionOf(
  deps: Pick<IntakeDeps, "templates">,
  tenant: string,
  { type, pinnedAt }: JobDetail,
  payload: string | null,
): Promise<number | null | undefined> {
  if (type !== email.type || payload === null) return undefined;
  const { templateId: id } = JSON.parse(payload) as { templateId?: unknown };
  if (typeof id !== "string") return undefined;
  return (await deps.templates.at(tenant, id, pinnedAt))?.version ?? null;
}

/** For a genuine id whose row was removed. */
function forgotten(): Problem {
  return new Problem("not-found", "The job is no longer kept.");
}

/** A mail event without its address, which is stored as a hash only. */
function reportOf({ kind, class: grade, provider, detail, at }: MailEventView) {
  return { event: kind, class: grade, provider, detail, at: iso(at) };
}
