import { Problem } from "../errors";
import type { IntakeDeps } from "./deps";
import { unavailableProblem } from "./problem";
import { reservedTenant } from "../tenants/names";
import { type AnyRoute, type Caller, permits } from "./route";

export const tenantHeader = "Jobyard-Tenant";

const namePattern = /^[a-z0-9-]{1,63}$/;

interface AuthenticatedCaller {
  caller: Caller;
  tenant: string | null;
}

/** The caller and the tenant it acts for; throws the Problem with the reason. Reads only headers. */
export async function authorize(route: AnyRoute, request: Request, params: Readonly<Record<string, string>>, deps: IntakeDeps): Promise<AuthenticatedCaller> {
  if (route.scope === "public") return { caller: { kind: "anybody" }, tenant: null };
  const caller = await identify(request, deps);
  const named = request.headers.get(tenantHeader)?.trim() || null;
  if (caller.kind === "token") return { caller, tenant: ofToken(route, caller, named, params) };
  return { caller, tenant: await ofRoot(route, named, params, deps) };
}

/** The caller that the request's token identifies. Throws the Problem with the reason of a refusal. */
export async function identify(request: Request, deps: Pick<IntakeDeps, "auth" | "now" | "snapshots">): Promise<Caller & { kind: "root" | "token" }> {
  const token = /^Bearer +([\x21-\x7e]{1,4096}) *$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (token === undefined) throw new Problem("unauthorized", "Send a token: Authorization: Bearer <token>.");
  const claims = await deps.auth.verifier.verify(token);
  if (!claims && deps.auth.isRoot(token)) return { kind: "root" };
  if (!claims) throw refusedToken();
  const lookup = await deps.snapshots.read(claims.tenant, deps.now());
  if (lookup.state === "unknown") throw unavailableProblem("The token cannot be checked for revocation right now.");
  if (lookup.state === "absent" || lookup.snapshot.revoked.includes(claims.id)) throw refusedToken();
  deps.auth.use.note(claims.tenant, claims.id, deps.now());
  return { kind: "token", tenant: claims.tenant, tokenId: claims.id, scopes: claims.scopes, types: claims.types };
}

/** Unreadable, forged and revoked tokens get the same answer. */
function refusedToken(): Problem {
  return new Problem("unauthorized", "The token is not valid: it is unknown or revoked.");
}

function ofToken(route: AnyRoute, caller: Caller & { kind: "token" }, named: string | null, params: Readonly<Record<string, string>>): string {
  const foreign = (named !== null && named !== caller.tenant) || (route.tenant === "path" && params["tenant"] !== caller.tenant);
  if (foreign) throw new Problem("forbidden", "This token belongs to another tenant.");
  if (!permits(caller, route.scope)) {
    const needed = route.scope === "root" ? "the root token" : `the scope "${route.scope}"`;
    throw new Problem("forbidden", `This needs ${needed}.`);
  }
  return caller.tenant;
}

async function ofRoot(route: AnyRoute, named: string | null, params: Readonly<Record<string, string>>, deps: IntakeDeps): Promise<string | null> {
  if (route.tenant === "none") return null;
  if (route.tenant === "path") return ofPath(named, params["tenant"] ?? "");
  if (named !== null) return existing(named, deps);
  if (route.tenant === "any") return null;
  const message = `The root token must name the tenant it acts for, in the header ${tenantHeader}.`;
  throw new Problem("invalid", message, { errors: [{ path: tenantHeader, message: "is missing" }] });
}

function ofPath(named: string | null, tenant: string): string {
  if (named === null || named === tenant) return tenant;
  throw new Problem("invalid", "The header and the path name different tenants.", {
    errors: [{ path: tenantHeader, message: `is not the tenant in the path` }],
  });
}

async function existing(tenant: string, deps: Pick<IntakeDeps, "now" | "snapshots">): Promise<string> {
  // Dead letters of messages without an envelope have this tenant's name, which no tenant may take.
  if (tenant === reservedTenant) return tenant;
  const { state } = namePattern.test(tenant) ? await deps.snapshots.read(tenant, deps.now()) : { state: "absent" as const };
  if (state === "unknown") throw unavailableProblem("The tenant cannot be looked up right now.");
  if (state === "absent") throw new Problem("not-found", "There is no such tenant.");
  return tenant;
}
