import { iso } from "../../time/iso";
import * as v from "valibot";
import { csvHead, leadLine } from "../../domain/leads/csv";
import { erasedShape, erasurePlanShape } from "../../domain/erasure/model";
import { keysOf } from "../../domain/erasure/person";
import { getLead, type LeadDetail, type LeadFilter, listLeads } from "../../domain/leads/queries";
import type { Lead } from "../../domain/leads/store";
import { Problem } from "../../errors";
import type { JobDetail } from "../../ledger/views";
import { boundedName, boundedText, fieldRule, outputList } from "../../bounded";
import { audit } from "../audit";
import { smallBody } from "../body";
import type { IntakeDeps } from "../deps";
import { leadShape, leadsShape } from "../lead-shapes";
import { releaseRobot } from "../leads/release";
import { fromBeforeTo, leadCursor, paging, search, time } from "../query";
import { type RouteAnswer, param, route } from "../route";
import { found } from "../problem";
import { jobSummary } from "../views";

const filters = {
  project: v.optional(boundedName("must be the name of a project")),
  from: v.optional(time),
  to: v.optional(time),
  bot: v.optional(
    v.pipe(
      v.picklist(["true", "false"], "must be true or false"),
      v.transform((text) => text === "true"),
      v.description("Robots alone, or none"),
    ),
  ),
  q: v.optional(v.pipe(search, v.description("An id, e-mail, telephone number or visitor id, or a part of one or of the name"))),
};

const limitRule = "must be a whole number from 1 to 200";

/** The query as a body: URLs with personal data would be stored by networks and logs. */
const bodyFilters = { ...filters, bot: v.optional(v.pipe(v.boolean("must be true or false"), v.description("Robots alone, or none"))) };
const searchRequest = v.strictObject({
  ...bodyFilters,
  cursor: leadCursor,
  limit: v.optional(v.pipe(v.number(), v.integer(limitRule), v.minValue(1, limitRule), v.maxValue(200, limitRule)), 50),
});

const released = v.object({
  id: v.pipe(v.string(), v.description("Id of the newest submission's job; finds the lead after that job is done")),
  jobs: outputList(v.string()),
});

const text = (max: number) => v.optional(boundedText(max, { min: 1, trim: true }));
const person = v.pipe(
  v.strictObject({
    email: text(320),
    phone: text(64),
    cursor: text(3000),
    plan: v.optional(v.pipe(v.boolean("must be true or false"), v.description("true: only count what would be erased"))),
    together: v.optional(
      v.pipe(
        v.boolean("must be true or false"),
        v.description("true: also data under other addresses and numbers that the tenant's own servers sent together with it"),
      ),
    ),
  }),
  fieldRule(["email", "phone"], ({ email, phone }) => (email === undefined) !== (phone === undefined), "exactly one of email and phone is needed", "email"),
);

/** Jobs of one lead whose effects are read. */
const maxJobs = 100;

export const leadDataRoutes = [
  route("GET /v1/leads", {
    name: "listLeads",
    summary: "List and search leads, newest first",
    description: "`bot=true` lists robots alone.",
    scope: "leads",
    query: v.pipe(v.strictObject({ ...filters, cursor: leadCursor, ...paging }), fromBeforeTo()),
    answers: { 200: leadsShape },
    handle: async ({ deps, tenant, query }) => listed(deps, tenant, query),
  }),
  route("POST /v1/leads/search", {
    name: "searchLeads",
    summary: "The same with the search in the body, so that no address or telephone number is in a URL",
    scope: "leads",
    body: { schema: v.pipe(searchRequest, fromBeforeTo()), limit: smallBody },
    answers: { 200: leadsShape },
    handle: async ({ deps, tenant, body }) => listed(deps, tenant, body),
  }),
  route("POST /v1/leads/export", {
    name: "exportFoundLeads",
    summary: "All matching leads as CSV, with the search in the body",
    scope: "leads",
    body: { schema: v.pipe(v.strictObject(bodyFilters), fromBeforeTo()), limit: smallBody },
    answers: { 200: "text/csv" },
    handle: async ({ deps, tenant, body }) => exported(deps, tenant, body),
  }),
  route("GET /v1/leads/export", {
    name: "exportLeads",
    summary: "All matching leads as CSV",
    scope: "leads",
    query: v.pipe(v.strictObject(filters), fromBeforeTo()),
    answers: { 200: "text/csv" },
    handle: async ({ deps, tenant, query }) => exported(deps, tenant, query),
  }),
  route("POST /v1/leads/erase", {
    name: "eraseLeads",
    summary: "Erase a person's data, or plan it: leads, submissions, facts of events, and data in jobs, stored payloads and pictures",
    description: "Names the person by `email` or `phone`. Answers with counts, and with a `cursor` while something is left.",
    scope: "admin",
    body: { schema: person, limit: smallBody },
    answers: { 200: v.union([erasedShape, erasurePlanShape]) },
    handle: async ({ deps, tenant, body, caller }) => {
      const path = body.email === undefined ? "phone" : "email";
      if (keysOf(body).length === 0)
        throw new Problem("invalid", "The key names no person.", { errors: [{ path, message: "is neither an e-mail address nor a telephone number" }] });
      const { plan, ...request } = body;
      const detail = [...(plan ? ["plan"] : []), ...(request.together ? ["together"] : [])].join(", ") || undefined;
      await audit({ deps, tenant, caller }, "erase", path, detail);
      return { status: 200, body: plan ? await deps.leads.planErasure(tenant, request) : await deps.leads.erase(tenant, request) };
    },
  }),
  route("POST /v1/leads/:id/release", {
    name: "releaseLead",
    summary: "Treat a robot as a person: its submissions are accepted as if they had come now",
    scope: "leads",
    answers: { 202: released },
    problems: [404, 409, 429, 503],
    handle: async ({ deps, tenant, params, caller }) => {
      const lead = param({ params }, "id");
      const jobs = await releaseRobot(deps, tenant, lead);
      await audit({ deps, tenant, caller }, "release", `lead:${lead}`);
      const [id = ""] = jobs;
      return { status: 202, body: { id, jobs }, headers: { location: `/v1/jobs/${id}` } };
    },
  }),
  route("GET /v1/leads/:id", {
    name: "getLead",
    summary: "One lead with its submissions, jobs and effects; also by the id of a submission",
    scope: "leads",
    answers: { 200: leadShape },
    handle: async ({ deps, tenant, params }) => {
      const lead = found(await getLead(deps.db, tenant, param({ params }, "id")), "lead");
      return { status: 200, body: detailOf(lead, await jobsOf(deps, tenant, lead)) };
    },
  }),
];

async function listed(deps: Pick<IntakeDeps, "db">, tenant: string, { cursor, limit, ...filter }: LeadFilter & { cursor?: string | undefined; limit: number }) {
  const page = await listLeads(deps.db, tenant, filter, { cursor, limit });
  return { status: 200, body: { leads: page.leads.map(leadRow), cursor: page.cursor } };
}

function exported(deps: Pick<IntakeDeps, "db">, tenant: string, filter: LeadFilter): RouteAnswer {
  const headers = { "content-type": "text/csv; charset=utf-8", "content-disposition": 'attachment; filename="leads.csv"' };
  return { status: 200, text: csvOf(deps, tenant, filter), headers };
}

/** Streams page by page, as fast as the caller reads. */
function csvOf(deps: Pick<IntakeDeps, "db">, tenant: string, filter: LeadFilter): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let cursor: string | null | undefined;
  return new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(csvHead)),
    async pull(controller) {
      if (cursor === null) return controller.close();
      const page = await listLeads(deps.db, tenant, filter, { cursor, limit: 200 });
      cursor = page.cursor;
      controller.enqueue(encoder.encode(page.leads.map(leadLine).join("")));
    },
  });
}

function leadRow({ kind, reasons, created, updated, ...lead }: Lead) {
  return { ...lead, suspicionReasons: reasons, test: kind === "test", bot: kind === "bot", createdAt: iso(created), updatedAt: iso(updated) };
}

/** The jobs that were enqueued for the lead and for its submissions. */
async function jobsOf(deps: Pick<IntakeDeps, "queries">, tenant: string, { lead, submissions }: LeadDetail): Promise<JobDetail[]> {
  const named = await deps.queries.jobs(tenant, { q: `lead:${lead.id}` }, { limit: maxJobs });
  const ids = new Set([...named.jobs.map(({ id }) => id), ...submissions.map(({ id }) => id)]);
  const jobs = await Promise.all([...ids].slice(0, maxJobs).map((id) => deps.queries.job(tenant, id)));
  return jobs.filter((job) => job !== null).toSorted((left, right) => left.at - right.at);
}

function detailOf({ lead, submissions, activity }: LeadDetail, jobs: readonly JobDetail[]) {
  return {
    ...leadRow(lead),
    submissions: submissions.map(submissionOf),
    activity: activity.map((each) => ({ ...each, at: iso(each.at) })),
    jobs: jobs.map(jobSummary),
    effects: jobs.flatMap(({ id, type, effects }) => effects.map(({ key, state, at }) => ({ job: id, type, key, state, at: iso(at) }))),
  };
}

function submissionOf({ id, at, follow, suspicion, reasons: suspicionReasons, submission }: LeadDetail["submissions"][number]) {
  const { project: _project, reasons: _reasons, ...fields } = submission;
  return { ...fields, id, at: iso(at), follow, suspicion, suspicionReasons };
}
