import { decoded } from "./address";
import { ApiProblem } from "./api";
import type { PageRequest } from "./page-request";
import { Document } from "./document";
import { Frame } from "./frame";
import type { AnyPage, Visit } from "./page";
import { pages } from "./pages";
import { refusal } from "./refusal";
import { fragmentResponse, htmlResponse, wantsFragment } from "./respond";
import { noticeOf, setNotice } from "./session/cookie";
import { sessionOver, signInPage } from "./session/sign-in";
import { tenantsOf, viewerOf } from "./viewer";

export async function show(pageRequest: PageRequest): Promise<Response> {
  const { request, path } = pageRequest;
  let visit: Visit | undefined;
  try {
    visit = await viewerOf(pageRequest);
    if (!visit.may("read")) throw new ApiProblem(403, `The pages need a token with the scope read; this one has ${visit.scopes.join(", ")}.`);
    const found = pageAt(path);
    if (!found || (visit.isSent && !found.page.takesForm)) throw new ApiProblem(404, "There is no such page.");
    return await pageAnswer(request, { ...visit, params: found.params }, found.page);
  } catch (thrown) {
    if (!(thrown instanceof ApiProblem)) throw thrown;
    if (thrown.status === 401) return signInPage(request, sessionOver);
    return refusal(pageRequest, visit, thrown);
  }
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

async function pageAnswer(request: Request, visit: Visit, page: AnyPage): Promise<Response> {
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

/** The answer to a request for all tenants of a page that exists only for one tenant. */
async function choice(request: Request, visit: Visit, page: AnyPage): Promise<Response> {
  const tenants = await tenantsOf(visit);
  const main = (
    <main id="main" tabIndex={-1} data-pace="never">
      <h1>{page.section}</h1>
      <p>Choose a tenant.</p>
      <ul class="choice">
        {tenants.map((tenant) => (
          <li key={tenant}>
            <a href={`/t/${tenant}${visit.url.pathname.slice(visit.base.length)}${visit.url.search}`}>{tenant}</a>
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
