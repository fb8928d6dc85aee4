import { ownsUrl, type Project } from "../../tenants/project-schema";
import type { FormFields } from "../../domain/leads/fields";
import { Problem } from "../../errors";
import type { SnapshotLookup } from "../../tenants/snapshot";
import type { IntakeDeps } from "../deps";
import { clientAddress, subscriberOf } from "../network";
import { publicUnauthorized, unavailableProblem } from "../problem";

/** A project as its public endpoint needs it. */
export interface LeadEndpoint {
  tenant: string;
  name: string;
  project: Project;
}

export const keyHeader = "X-API-Key";

/** The project of the path, also while D1 is down. An unknown tenant and an unknown project are the same 401. */
export async function findEndpoint(deps: Pick<IntakeDeps, "now" | "snapshots">, tenant: string, name: string): Promise<LeadEndpoint> {
  const lookup = await deps.snapshots.read(tenant, deps.now());
  if (lookup.state === "unknown") throw unavailableProblem("The project cannot be looked up right now.");
  const project = projectIn(lookup, name);
  if (!project) throw publicUnauthorized();
  return { tenant, name, project };
}

/** A server sends the key; any other sender must come from one of the project's pages, within the rate. */
export async function authenticateSender(deps: Pick<IntakeDeps, "leads">, endpoint: LeadEndpoint, request: Request): Promise<"server" | "browser"> {
  const key = request.headers.get(keyHeader);
  if (key !== null) {
    if (await deps.leads.isApiKey(endpoint.project, key)) return "server";
    throw publicUnauthorized();
  }
  const page = submittingPage(request);
  // A sender with neither key nor page gets the same answer as for an unknown project.
  if (page === undefined || !ownsUrl(endpoint.project.domains, page)) throw publicUnauthorized();
  await limitRate(deps, endpoint, clientAddress(request));
  return "browser";
}

/** The ids that the project's forms carry. */
export function checkForm({ project }: LeadEndpoint, { siteKey, formId }: FormFields["fields"]): void {
  const issues = [
    ...(siteKey === project.siteKey ? [] : [{ path: "siteKey", message: siteKey === undefined ? "is missing" : "is not this project's" }]),
    ...(formId === project.formId ? [] : [{ path: "formId", message: formId === undefined ? "is missing" : "is not this project's" }]),
  ];
  if (issues.length > 0) throw new Problem("forbidden", "A browser's post must carry the siteKey and formId of the project.", { errors: issues });
}

/** The CORS headers that let pages of the project, and no others, read the answers. */
export async function crossOrigin(
  deps: Pick<IntakeDeps, "now" | "snapshots">,
  request: Request,
  params: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const origin = request.headers.get("origin");
  if (origin === null) return {};
  const lookup = await deps.snapshots.read(params["tenant"] ?? "", deps.now());
  const project = projectIn(lookup, params["project"] ?? "");
  if (!project || !ownsUrl(project.domains, origin)) return { vary: "Origin" };
  return {
    vary: "Origin",
    "access-control-allow-origin": origin,
    "access-control-expose-headers": "Retry-After, X-Request-Id, Idempotent-Replayed",
    ...(request.method === "OPTIONS"
      ? { "access-control-allow-methods": "POST", "access-control-allow-headers": "Content-Type, Idempotency-Key", "access-control-max-age": "86400" }
      : {}),
  };
}

/** Reads own properties only: a project may be named `constructor`. */
function projectIn(known: SnapshotLookup, name: string): Project | undefined {
  const projects = known.state === "known" ? known.snapshot.sections.projects : undefined;
  return projects && Object.hasOwn(projects, name) ? projects[name] : undefined;
}

function submittingPage(request: Request): string | undefined {
  const origin = request.headers.get("origin");
  return (origin === "null" ? null : origin) ?? request.headers.get("referer") ?? undefined;
}

async function limitRate(deps: Pick<IntakeDeps, "leads">, { tenant, name }: LeadEndpoint, ip: string | undefined): Promise<void> {
  // While the limiter cannot be reached every lead is accepted.
  const [mayAddress, mayProject] = await Promise.all([
    deps.leads.mayPost(`${tenant}/${name}/${subscriberOf(ip)}`).catch(() => true),
    deps.leads.mayPostTo(`${tenant}/${name}`).catch(() => true),
  ]);
  if (!mayAddress) throw new Problem("too-many-requests", "This address has posted too often; wait a minute.", { retryAfter: 60 });
  if (!mayProject) throw new Problem("too-many-requests", "This project gets too many posts; wait a minute.", { retryAfter: 60 });
}
