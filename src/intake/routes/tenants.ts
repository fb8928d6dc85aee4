import { iso, isoOrNull, withIso } from "../../time/iso";
import * as v from "valibot";
import { type Issue, Problem, issueSummary } from "../../errors";
import { boundedName, isoTime, outputList } from "../../bounded";
import { type Tenant, tenantSchema, settingsSchema } from "../../tenants/tenant";
import { tokenSchema, type TokenView } from "../../tenants/token-store";
import { audit } from "../audit";
import { smallBody } from "../body";
import type { IntakeDeps } from "../deps";
import { actorOf, param, route } from "../route";
import { destinationIssues } from "../own-destination";
import { pausedShape } from "../pause-shapes";
import { pauseBody, pausedNow } from "./queues";
import { tokenScopes } from "../../tenants/token";
import { found } from "../problem";
import { cursor, dated } from "../shapes";

const pageSize = 200;
const afterQuery = v.strictObject({
  cursor: v.optional(boundedName("must be a cursor from an earlier answer")),
});

export const tenantShape = v.object({ tenant: v.string(), name: v.string(), timezone: v.string(), settings: settingsSchema, ...dated });
export const tenantsShape = v.object({ tenants: outputList(tenantShape), cursor });

const mintedShape = v.object({ id: v.string(), token: v.pipe(v.string(), v.description("Shown once and not stored")) });

export const tokensShape = v.object({
  tokens: outputList(
    v.object({
      id: v.string(),
      name: v.string(),
      scopes: outputList(v.picklist(tokenScopes)),
      types: v.pipe(v.nullable(outputList(v.string())), v.description("Remote types that the scope work is bound to; null: all")),
      created: isoTime,
      revoked: v.nullable(isoTime),
      lastUsed: v.pipe(v.nullable(isoTime), v.description("Last use, to within an hour; null: none is recorded")),
    }),
  ),
});

export const tenantRoutes = [
  route("GET /v1/tenants", {
    name: "listTenants",
    summary: "List all tenants",
    scope: "root",
    tenant: "none",
    query: afterQuery,
    answers: { 200: tenantsShape },
    handle: async ({ deps, query }) => {
      const tenants = await deps.tenants.list({ ...(query.cursor ? { after: query.cursor } : {}), limit: pageSize });
      const last = tenants.length === pageSize ? tenants.at(-1)?.tenant : undefined;
      return { status: 200, body: { tenants: tenants.map(tenantOf), cursor: last ?? null } };
    },
  }),
  route("PUT /v1/tenants/:tenant", {
    name: "putTenant",
    summary: "Create or replace a tenant",
    scope: "root",
    tenant: "path",
    body: { schema: tenantSchema, limit: smallBody },
    answers: { 200: tenantShape, 201: tenantShape },
    handle: async ({ deps, tenant, body }) => {
      const issues = await destinationIssues(deps, tenant, body.settings.alerts?.destination, "settings.alerts.destination");
      if (issues.length > 0) throw new Problem("invalid", issueSummary(issues), { errors: issues });
      const put = await deps.tenants.put(tenant, body, deps.now());
      return { status: put.created ? 201 : 200, body: tenantOf(put.tenant) };
    },
  }),
  route("GET /v1/tenants/:tenant", {
    name: "getTenant",
    summary: "One tenant",
    scope: "read",
    tenant: "path",
    answers: { 200: tenantShape },
    handle: async ({ deps, tenant }) => {
      return { status: 200, body: tenantOf(found(await deps.tenants.get(tenant), "tenant")) };
    },
  }),
  ...pauseRoutes(),
  route("POST /v1/tenants/:tenant/tokens", {
    name: "createToken",
    summary: "Make a token; it is shown this once",
    description: "`types` binds a token with the scope `work` to types of remote jobs.",
    scope: "root",
    tenant: "path",
    body: { schema: tokenSchema, limit: smallBody },
    answers: { 201: mintedShape },
    handle: async ({ deps, tenant, body, caller }) => {
      const issues = (body.types ?? []).flatMap((type, index) => notRemote(deps, type, index));
      if (issues.length > 0) throw new Problem("invalid", issueSummary(issues), { errors: issues });
      const { id, token } = await deps.tokens.create(tenant, body, deps.now());
      await audit({ deps, tenant, caller }, "create", `tokens/${id}`, body.scopes.join(", "));
      return { status: 201, body: { id, token }, headers: { location: `/v1/tenants/${tenant}/tokens/${id}` } };
    },
  }),
  route("GET /v1/tenants/:tenant/tokens", {
    name: "listTokens",
    summary: "List a tenant's tokens, never the tokens themselves",
    scope: "admin",
    tenant: "path",
    answers: { 200: tokensShape },
    handle: async ({ deps, tenant }) => {
      found(await deps.tenants.get(tenant), "tenant");
      return { status: 200, body: { tokens: (await deps.tokens.list(tenant)).map(tokenOf) } };
    },
  }),
  route("DELETE /v1/tenants/:tenant/tokens/:id", {
    name: "revokeToken",
    summary: "Revoke a token: refused everywhere within 60 seconds",
    scope: "admin",
    tenant: "path",
    answers: { 204: null },
    handle: async ({ deps, tenant, params, caller }) => {
      const id = param({ params }, "id");
      found(
        (await deps.tokens.list(tenant)).find((token) => token.id === id),
        "token",
      );
      await audit({ deps, tenant, caller }, "revoke", `tokens/${id}`);
      await deps.tokens.revoke(tenant, id, deps.now());
      return { status: 204 };
    },
  }),
];

/** Refuses types that are not remote: no worker can pull them. */
function notRemote({ registry }: Pick<IntakeDeps, "registry">, type: string, index: number): Issue[] {
  if (registry.find(type)?.contract.remote) return [];
  const remote = registry.contracts().filter((contract) => contract.remote && !contract.internal);
  const known = remote.map((contract) => contract.type).join(", ");
  return [{ path: `types[${index}]`, message: `is not a type that workers outside take; those are: ${known}` }];
}

function pauseRoutes() {
  return (["pause", "resume"] as const).map((verb) =>
    route(`POST /v1/tenants/:tenant/${verb}`, {
      name: `${verb}Tenant`,
      scope: "operate",
      tenant: "path",
      summary: verb === "pause" ? "Pause a tenant: its jobs wait, none is lost" : "Resume a tenant",
      body: pauseBody,
      answers: { 200: pausedShape },
      handle: async ({ deps, tenant, body, caller }) => {
        found(await deps.tenants.get(tenant), "tenant");
        await audit({ deps, tenant, caller }, verb, `tenants/${tenant}`);
        await deps.operate[verb](tenant, "tenant", tenant, { actor: actorOf(caller), reason: body.reason });
        return { status: 200, body: await pausedNow(deps, tenant, "tenant", tenant) };
      },
    }),
  );
}

function tenantOf(tenant: Tenant) {
  return withIso(tenant, "created", "updated");
}

function tokenOf({ created, revoked, used, ...token }: TokenView) {
  return { ...token, created: iso(created), revoked: isoOrNull(revoked), lastUsed: isoOrNull(used) };
}
