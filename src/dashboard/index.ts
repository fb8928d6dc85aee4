import { daySeconds } from "../time/day";
import { decoded, isTenant, placeFrom } from "./address";
import { ApiProblem, createApi } from "./api";
import { show } from "./show";
import { createSessions } from "./session/cookie";
import { throughAccess } from "./session/access";
import { signOut, sessionOver, signIn, signInPage } from "./session/sign-in";
import { perform } from "./perform";
import type { Me } from "./answers";
import type { DashboardDeps } from "./deps";
import { foreignForm } from "./refusal";
import { redirect } from "./respond";
import { sameOrigin } from "./session/same-origin";
import { script, style } from "./bundle";
import { fileHeaders } from "./headers";

/**
 * The operators' pages. They are rendered here, and read and act only through `/v1`, with the token of the session:
 * authorisation, limits and audit are those of the public interface. Undefined for any other address.
 */
export function createDashboard(deps: DashboardDeps): (request: Request) => Promise<Response> | undefined {
  return (request) => {
    const { pathname } = new URL(request.url);
    const asset = assetResponse(request, pathname);
    if (asset) return Promise.resolve(asset);
    return isOurs(request, pathname) ? answer(request, deps) : undefined;
  };
}

function isOurs({ method }: Request, pathname: string): boolean {
  if (pathname === "/session" || pathname === "/session/end") return method === "POST";
  const [, first] = pathname.split("/", 2);
  const isPage = pathname === "/" || pathname === "/go" || first === "t";
  return isPage && ["GET", "HEAD", "POST"].includes(method);
}

async function answer(request: Request, deps: DashboardDeps): Promise<Response> {
  const response = await answerGet(request, deps);
  return request.method === "HEAD" ? new Response(null, response) : response;
}

async function answerGet(request: Request, deps: DashboardDeps): Promise<Response> {
  const url = new URL(request.url);
  const sessions = createSessions(deps);
  if (request.method === "POST" && !sameOrigin(request)) return foreignForm(request);
  if (url.pathname === "/session") return signIn(request, sessions, deps.answer);
  if (url.pathname === "/session/end") return signOut(url, sessions);
  const own = await sessions.read(request);
  // A token has precedence over Access.
  const passed = own === undefined ? await throughAccess(request, deps.access) : { token: own };
  if (passed === undefined) return signInPage(request);
  if (!("token" in passed)) return signInPage(request, passed.trouble, passed.status);
  const { token } = passed;
  if (url.pathname === "/" || url.pathname === "/go") return enter(request, token, deps);
  const [, , tenant = "", ...rest] = url.pathname.split("/");
  const behind = `/${rest.join("/")}`;
  if (rest.length === 0) return redirect(`/t/${tenant}/`);
  const visit = { request, deps, token, tenant: decoded(tenant), path: behind };
  return behind.startsWith("/do/") && request.method === "POST" ? perform(visit) : show(visit);
}

/** The page of the chosen tenant that corresponds to the present one, or its first page. */
function pagePath(tenant: string, url: URL): string {
  const place = placeFrom(`/t/${tenant}${url.searchParams.get("page") ?? "/"}`, url);
  return place?.startsWith(`/t/${tenant}/`) ? place : `/t/${tenant}/`;
}

/** The first page of the viewer's tenant; for the root token that of all tenants. */
async function enter(request: Request, token: string, { answer }: DashboardDeps): Promise<Response> {
  const url = new URL(request.url);
  const chosen = url.searchParams.get("tenant")?.trim();
  if (chosen && isTenant(chosen)) return redirect(pagePath(chosen, url));
  try {
    const { tenant } = await createApi(answer, request, { token, tenant: null }).get<Me>("/v1/me");
    return redirect(`/t/${tenant ?? "*"}/`);
  } catch (thrown) {
    if (thrown instanceof ApiProblem && thrown.status === 401) return signInPage(request, sessionOver);
    throw thrown;
  }
}

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1f5fbf"/><g fill="#fff"><path d="M7 10h18v4H7zM7 18h11v4H7z"/><circle cx="22.5" cy="20" r="2.8"/></g></svg>`;

/** Names contain the hash of the content, so browsers may cache them forever. */
const files: Readonly<Record<string, { type: string; text: string; seconds: number }>> = {
  [script.path]: { ...script, seconds: 365 * daySeconds },
  [style.path]: { ...style, seconds: 365 * daySeconds },
  "/favicon.svg": { type: "image/svg+xml", text: icon, seconds: daySeconds },
  "/favicon.ico": { type: "image/svg+xml", text: icon, seconds: daySeconds },
};

/** Answers with the pages' script, style or icon; undefined for another address. */
function assetResponse({ method }: Request, pathname: string): Response | undefined {
  const file = Object.hasOwn(files, pathname) && (method === "GET" || method === "HEAD") ? files[pathname] : undefined;
  return file && new Response(method === "HEAD" ? null : file.text, { headers: fileHeaders(file.type, file.seconds) });
}
