import { iso } from "../../time/iso";
import * as v from "valibot";
import { auditEntries, type AuditEntry } from "../../ledger/audit";
import { count, isoTime, outputList } from "../../bounded";
import { cursorText, paging } from "../query";
import { pauseShape, pauseView } from "../pause-shapes";
import { type Caller, route } from "../route";

const nullableText = v.nullable(v.string());
const actorName = v.pipe(nullableText, v.description("Name of that token"));

const jobs = v.pipe(v.nullable(count), v.description("How many jobs the replay or bulk action of this target named"));

export const meShape = v.object({
  tenant: v.pipe(nullableText, v.description("Null: the root token without the header Jobyard-Tenant acts for all tenants")),
  scopes: outputList(v.string()),
  token: v.pipe(v.string(), v.description("Its id; `root` for the root token")),
});

export const auditShape = v.object({
  entries: outputList(
    v.object({ tenant: v.string(), at: isoTime, actor: v.string(), actorName, action: v.string(), target: nullableText, detail: nullableText, jobs }),
  ),
  cursor: nullableText,
});

export const pausesShape = v.object({ pauses: outputList(pauseShape) });

const auditQuery = v.strictObject({ cursor: cursorText(/^\d{1,15}\.[0-9a-f-]{36}$/), ...paging });

export const operatorRoutes = [
  route("GET /v1/me", {
    name: "me",
    summary: "The tenant and the scopes of the caller's token",
    scope: "token",
    tenant: "any",
    answers: { 200: meShape },
    handle: async ({ caller, tenant }) => ({
      status: 200,
      body: { tenant, scopes: scopesOf(caller), token: caller.kind === "token" ? caller.tokenId : "root" },
    }),
  }),
  route("GET /v1/audit", {
    name: "listAudit",
    summary: "Who saw personal data, changed payloads, rules or tokens, paused, replayed, acted on many jobs, approved or erased, newest first",
    scope: "operate",
    tenant: "any",
    query: auditQuery,
    answers: { 200: auditShape },
    handle: async ({ deps, tenant, query }) => {
      const page = await auditEntries(deps.db, tenant, query);
      return { status: 200, body: { entries: page.entries.map(entryOf), cursor: page.cursor } };
    },
  }),
  route("GET /v1/pauses", {
    name: "listPauses",
    summary: "Queues, types and tenants that are paused: since when, by whom and why",
    scope: "read",
    tenant: "any",
    answers: { 200: pausesShape },
    handle: async ({ deps, tenant }) => {
      const pauses = await deps.operate.pauses(tenant);
      return { status: 200, body: { pauses: pauses.map(pauseView) } };
    },
  }),
];

function scopesOf(caller: Caller): readonly string[] {
  if (caller.kind === "root") return ["root"];
  return caller.kind === "token" ? caller.scopes : [];
}

function entryOf({ tenant, at, actor, actorName: name, action, target, detail, jobs: named }: AuditEntry) {
  return { tenant, at: iso(at), actor, actorName: name, action, target, detail: detail ?? null, jobs: named };
}
