import { ownsUrl, type Project } from "../../domain/leads/project";
import type { FormFields } from "../../domain/leads/fields";
import { Problem } from "../../errors";
import type { Known } from "../../tenants/snapshot";
import type { IntakeDeps } from "../deps";
import { unavailable } from "../problem";

/** A project as its public door finds it. */
export interface Door {
  tenant: string;
  name: string;
  project: Project;
}

export const keyHeader = "X-API-Key";

/** The project of the path, also while D1 is down. An unknown tenant and an unknown project are the same 401. */
export async function findDoor(deps: IntakeDeps, tenant: string, name: string): Promise<Door> {
  const known = await deps.snapshots.read(tenant, deps.now());
  if (known.state === "unknown") throw unavailable("The project cannot be looked up right now.");
  const project = projectIn(known, name);
  if (!project) throw refused();
  return { tenant, name, project };
}

/** A server shows the key; anybody else comes from one of the project's pages, and not too often. */
export async function admitSender(deps: IntakeDeps, door: Door, request: Request): Promise<"server" | "browser"> {
  const key = request.headers.get(keyHeader);
  if (key !== null) {
    if (await deps.leads.isApiKey(door.project, key)) return "server";
    throw refused();
  }
  await limitRate(deps, door, addressOf(request));
  const page = pageOf(request);
  if (page === undefined)
    throw new Problem("forbidden", `Neither ${keyHeader} nor a page: a browser's post must carry Origin or Referer, a server's the project's key.`);
  if (!ownsUrl(door.project.domains, page)) throw new Problem("forbidden", "This page is not on one of the project's domains.");
  return "browser";
}

/** The ids that the project's forms carry. */
export function checkForm({ project }: Door, { siteKey, formId }: FormFields["fields"]): void {
  const issues = [
    ...(siteKey === project.siteKey ? [] : [{ path: "siteKey", message: siteKey === undefined ? "is missing" : "is not this project's" }]),
    ...(formId === project.formId ? [] : [{ path: "formId", message: formId === undefined ? "is missing" : "is not this project's" }]),
  ];
  if (issues.length > 0) throw new Problem("forbidden", "A browser's post must carry the siteKey and formId of the project.", { errors: issues });
}

/** What lets pages of the project, and no others, read the answers. */
export async function crossOrigin(deps: IntakeDeps, request: Request, params: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const origin = request.headers.get("origin");
  if (origin === null) return {};
  const known = await deps.snapshots.read(params["tenant"] ?? "", deps.now());
  const project = projectIn(known, params["project"] ?? "");
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

/** Where the network says the request comes from. */
export function addressOf(request: Request): string | undefined {
  return request.headers.get("cf-connecting-ip")?.trim() || undefined;
}

/** Names such as `constructor` are names like any other. */
function projectIn(known: Known, name: string): Project | undefined {
  const projects = known.state === "known" ? known.snapshot.sections.projects : undefined;
  return projects && Object.hasOwn(projects, name) ? projects[name] : undefined;
}

function pageOf(request: Request): string | undefined {
  const origin = request.headers.get("origin");
  return (origin === "null" ? null : origin) ?? request.headers.get("referer") ?? undefined;
}

async function limitRate(deps: IntakeDeps, { tenant, name }: Door, ip: string | undefined): Promise<void> {
  // A limiter that cannot be asked must not cost a lead.
  const may = await deps.leads.mayPost(`${tenant}/${name}/${ip ?? "unknown"}`).catch(() => true);
  if (!may) throw new Problem("too-many-requests", "This address has posted too often; wait a minute.", { retryAfter: 60 });
}

function refused(): Problem {
  return new Problem("unauthorized", "There is no such project, or this is not its key.");
}
