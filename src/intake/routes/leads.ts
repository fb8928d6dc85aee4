import * as v from "valibot";
import { equalSecrets } from "../../crypto";
import { type CrmReport, crmReportSchema, storeCrmReport } from "../../domain/leads/crm";
import type { Project } from "../../tenants/project-schema";
import { Problem } from "../../errors";
import { validate } from "../../queue/validate";
import { acceptLead } from "../leads/accept";
import { leadBody } from "../leads/body";
import { refusalPage, thanks, wantsPage } from "../leads/answer";
import { crossOrigin, type LeadEndpoint, findEndpoint, keyHeader } from "../leads/endpoint";
import { parsedJson, readText } from "../body";
import type { IntakeDeps } from "../deps";
import { idempotencyHeader } from "../idempotency";
import { publicUnauthorized } from "../problem";
import { param, route } from "../route";

const formFields = v.pipe(v.looseObject({}), v.description("The fields of the form, under whatever names it has: at most 64 KB"));
const leadMedia = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];
const takenShape = v.object({ ok: v.literal(true), id: v.pipe(v.string(), v.description("Id of the job; also that of the lead, if it is a new one")) });
const reportedShape = v.object({ ok: v.literal(true), stored: v.boolean(), lead_id: v.optional(v.string()), reason: v.optional(v.string()) });

export const leadRoutes = [
  route("POST /v1/leads/:tenant/:project", {
    name: "postLead",
    summary: "Take a lead: JSON, a form, or key=value lines; from one of the project's pages, or with its key",
    description: "Answers 200, or 303 to the thank-you page. See docs/leads.md.",
    scope: "public",
    tenant: "none",
    headers: {
      [keyHeader]: "The project's key, for servers; without it the body carries siteKey and formId, and Origin or Referer is one of the project's domains",
      [idempotencyHeader]: "Makes a repeated post one submission; a form may carry __pg_nonce instead",
    },
    body: { schema: formFields, limit: leadBody, readByHandler: true, media: leadMedia },
    answers: { 200: takenShape, 303: null },
    problems: [400, 401, 403, 413, 415, 429, 503],
    crossOrigin,
    handle: async ({ deps, request, requestId, params }) => {
      const endpoint = await findEndpoint(deps, param({ params }, "tenant"), param({ params }, "project"));
      return thanks(request, endpoint, await acceptLead(deps, endpoint, request, requestId));
    },
    refusal: (problem, request) => (wantsPage(request) && problem.code !== "internal" ? refusalPage(problem) : undefined),
  }),
  route("POST /v1/leads/:tenant/:project/crm-callback", {
    name: "postCrmCallback",
    summary: "Receive a CRM's report about a lead; the secret is in Authorization or X-API-Key",
    description: "The secret is the project's `crmSecret`, or that of the connection `make`.",
    scope: "public",
    tenant: "none",
    headers: { [keyHeader]: "The project's crmSecret, or the secret of the connection make" },
    body: { schema: crmReportSchema, limit: leadBody, readByHandler: true },
    answers: { 200: reportedShape },
    problems: [400, 401, 413, 503],
    handle: async ({ deps, request, params }) => {
      const endpoint = await findEndpoint(deps, param({ params }, "tenant"), param({ params }, "project"));
      await checkSecret(deps, endpoint, request.headers);
      const report = readReport(parsedJson(await readText(request, leadBody)));
      const lead = await storeCrmReport(deps.db, endpoint.tenant, endpoint.name, report, deps.now());
      // Not an error: the CRM would repeat the call for days.
      const body = lead === null ? { ok: true, stored: false, reason: "there is no such lead" } : { ok: true, stored: true, lead_id: lead };
      return { status: 200, body };
    },
  }),
];

async function checkSecret(deps: Pick<IntakeDeps, "leads">, { tenant, name, project }: LeadEndpoint, headers: Headers): Promise<void> {
  const secret = await crmSecret(deps, tenant, name, project);
  if (secret === undefined) throw publicUnauthorized();
  const key = /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1] ?? headers.get(keyHeader) ?? "";
  if (!(await equalSecrets(key, secret))) throw publicUnauthorized();
}

/** Throws 400 for a report without a lead's id, as for a body that is not JSON. */
function readReport(body: unknown): CrmReport {
  const given = suggestedFields(body);
  const { crm_lead_id: id = null } = typeof given === "object" && given !== null ? (given as { crm_lead_id?: unknown }) : {};
  if (id === null || id === "")
    throw new Problem("malformed", "The report must be an object with a crm_lead_id.", { errors: [{ path: "crm_lead_id", message: "is missing" }] });
  return validate(crmReportSchema, given, "The report");
}

async function crmSecret(deps: Pick<IntakeDeps, "leads">, tenant: string, name: string, project: Project): Promise<string | undefined> {
  return (await deps.leads.secret(tenant, name, "crm", project)) ?? deps.leads.hookSecret(tenant);
}

const spellings: Readonly<Record<string, string>> = {
  crmLeadId: "crm_lead_id",
  leadId: "lead_id",
  submissionId: "submission_id",
  eventType: "event_type",
  id: "lead_id",
};

/** Field names are accepted in both spellings; the one with underscores has precedence. */
function suggestedFields(body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  const other = Object.entries(body).flatMap(([name, value]) => (Object.hasOwn(spellings, name) ? [[spellings[name], value] as const] : []));
  return { ...Object.fromEntries(other), ...body };
}
