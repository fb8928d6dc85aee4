import type { Me, Tenants } from "./answers";
import { ApiProblem, createApi } from "./api";
import type { DashboardDeps } from "./deps";
import { Document } from "./document";
import { Frame } from "./frame";
import { allows, type Scope } from "../tenants/token";
import type { AnyPage, Visit } from "./page";
import { pages } from "./pages";
import { fragmentResponse, htmlResponse, wantsFragment } from "./respond";
import { noticeOf, setNotice } from "./session/cookie";
import { signInPage } from "./session/sign-in";

/** A request for a page of a tenant, by a person who has signed in. */
export interface Asked {
  request: Request;
  deps: DashboardDeps;
  token: string;
  /** A tenant, or `*`. */
  tenant: string;
  /** Behind the tenant: `/jobs`. */
  path: string;
}

export async function show(asked: Asked): Promise<Response> {
  const { request, path } = asked;
  try {
    const visit = await visitOf(asked);
    const found = pageAt(path);
    if (!found) return refusal(asked, visit, new ApiProblem(404, "There is no such page."));
    return await shown(request, { ...visit, params: found.params }, found.page);
  } catch (thrown) {
    if (!(thrown instanceof ApiProblem)) throw thrown;
    if (thrown.status === 401) return signInPage(request, "The session is over: this token is not valid, or no longer.");
    return refusal(asked, undefined, thrown);
  }
}

/** Who asks, by the same answer that any caller gets. A tenant's token looks at that tenant only. */
async function visitOf({ request, deps, token, tenant }: Asked): Promise<Visit> {
  const api = createApi(deps.answer, request, { token, tenant: tenant === "*" ? null : tenant });
  const me = await api.get<Me>("/v1/me");
  const isRoot = me.scopes.includes("root");
  if (tenant === "*" && !isRoot) throw new ApiProblem(403, "All tenants are shown to the root token only.");
  const may = (scope: Scope | "root") => isRoot || (scope !== "root" && allows(me.scopes as Scope[], scope));
  return { api, tenant, isRoot, may, url: new URL(request.url), base: `/t/${tenant}`, now: deps.now(), params: {} };
}

function pageAt(path: string): { page: AnyPage; params: Record<string, string> } | undefined {
  const parts = path.split("/");
  for (const page of pages) {
    const expected = page.path.split("/");
    if (expected.length !== parts.length) continue;
    const params: Record<string, string> = {};
    const fits = expected.every((part, index) => {
      const value = parts[index] ?? "";
      if (!part.startsWith(":")) return part === value;
      params[part.slice(1)] = decoded(value);
      return value !== "";
    });
    if (fits) return { page, params };
  }
  return undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function shown(request: Request, visit: Visit, page: AnyPage): Promise<Response> {
  if (page.tenants === "one" && visit.tenant === "*") return choice(request, visit, page);
  if (page.tenants === "all" && visit.tenant !== "*") throw new ApiProblem(404, "There is no such page for one tenant.");
  const isFragment = wantsFragment(request);
  const [model, tenants] = await Promise.all([page.query(visit) as Promise<unknown>, isFragment ? [] : tenantsOf(visit)]);
  const title = page.title(model, visit);
  const main = (
    <main id="main" tabIndex={-1} data-pace={page.pace?.(model, visit) ?? "calm"}>
      {page.view(model, visit)}
    </main>
  );
  if (isFragment) return fragmentResponse(request, main, title);
  const notice = noticeOf(request);
  const cookies = notice === undefined ? [] : [setNotice(visit.url, "")];
  const body = (
    <Document
      title={`${title} · ${visit.tenant === "*" ? "all tenants" : visit.tenant}`}
      header={<Frame visit={visit} section={page.section} tenants={tenants} />}
    >
      {notice === undefined ? null : (
        <p role="status" class="notice">
          {notice}
        </p>
      )}
      {main}
    </Document>
  );
  return htmlResponse(visit.url, body, { cookies });
}

/** Names for the switcher: only the root token gets them. */
async function tenantsOf({ isRoot, api }: Visit): Promise<string[]> {
  return isRoot ? (await api.get<Tenants>("/v1/tenants")).tenants.map(({ tenant }) => tenant) : [];
}

/** A page that has a meaning for one tenant only, asked for about all of them. */
async function choice(request: Request, visit: Visit, page: AnyPage): Promise<Response> {
  const tenants = await tenantsOf(visit);
  const main = (
    <main id="main" tabIndex={-1} data-pace="never">
      <h1>{page.section}</h1>
      <p>Choose a tenant.</p>
      <ul class="choice">
        {tenants.map((tenant) => (
          <li key={tenant}>
            <a href={`/t/${tenant}${visit.url.pathname.slice(visit.base.length)}`}>{tenant}</a>
          </li>
        ))}
      </ul>
    </main>
  );
  if (wantsFragment(request)) return fragmentResponse(request, main, page.section);
  return htmlResponse(
    visit.url,
    <Document title={page.section} header={<Frame visit={visit} section={page.section} tenants={tenants} />}>
      {main}
    </Document>,
  );
}

/** What was not shown, and why. The script keeps what one sees and says so beside it. */
async function refusal({ request, tenant }: Asked, visit: Visit | undefined, { status, message }: ApiProblem): Promise<Response> {
  const url = new URL(request.url);
  if (wantsFragment(request)) return new Response(message, { status, headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" } });
  const header = visit ? <Frame visit={visit} section="" tenants={await tenantsOf(visit)} /> : undefined;
  const main = (
    <main id="main" tabIndex={-1} class="reading" data-pace="never">
      <h1>{status === 404 ? "Not found" : status === 403 ? "Not allowed" : "That did not work"}</h1>
      <p role="alert">{message}</p>
      <p>
        <a class="button" href="">
          Try again
        </a>{" "}
        <a href={status === 403 ? "/" : `/t/${tenant}/`}>To the first page</a>
      </p>
    </main>
  );
  return htmlResponse(
    url,
    <Document title="That did not work" header={header}>
      {main}
    </Document>,
    { status },
  );
}
