import { allows, type TokenScope } from "../tenants/token";
import { isTenant } from "./address";
import type { Me, Tenants } from "./answers";
import { ApiProblem, createApi } from "./api";
import type { PageRequest } from "./page-request";
import type { Visit } from "./page";

/** Throws when the address names no tenant, or all tenants for a tenant's token. The interface decides whether a token may act for a named tenant. */
export async function checkTenant(pageRequest: PageRequest): Promise<void> {
  if (pageRequest.tenant === "*" || !isTenant(pageRequest.tenant)) await viewerOf(pageRequest);
}

/** The viewer, from the answer of `GET /v1/me`. A tenant's token sees only its tenant. */
export async function viewerOf({ request, deps, token, tenant }: PageRequest): Promise<Visit> {
  if (!isTenant(tenant)) throw new ApiProblem(404, "There is no such tenant: a name has 1 to 63 of the characters a-z, 0-9 and -.");
  const api = createApi(deps.answer, request, { token, tenant: tenant === "*" ? null : tenant });
  const me = await api.get<Me>("/v1/me");
  const isRoot = me.scopes.includes("root");
  if (tenant === "*" && !isRoot) throw new ApiProblem(403, "All tenants are shown to the root token only.");
  const may = (scope: TokenScope | "root") => isRoot || (scope !== "root" && allows(me.scopes as TokenScope[], scope));
  return {
    api,
    tenant,
    isRoot,
    scopes: me.scopes,
    may,
    url: new URL(request.url),
    base: `/t/${tenant}`,
    isSent: request.method === "POST",
    now: deps.now(),
    params: {},
  };
}

/** Tenants for the switcher; only the root token gets them. */
export async function tenantsOf({ isRoot, api }: Visit): Promise<string[]> {
  return isRoot ? (await api.get<Tenants>("/v1/tenants")).tenants.map(({ tenant }) => tenant) : [];
}
