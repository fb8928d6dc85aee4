import { escapeHtml } from "../../escape";
import { ownsUrl } from "../../tenants/project-schema";
import type { Problem } from "../../errors";
import type { RouteAnswer } from "../route";
import type { Taken } from "./accept";
import { type LeadEndpoint, keyHeader } from "./endpoint";

/**
 * Whether a browser shows the answer as a page: the form was sent without a script. Browsers send `Accept: text/html` for a page, and newer ones
 * Sec-Fetch headers; a script's call has neither, and could not read a redirect to another origin. A server with a key gets a page only with that Accept.
 */
export function wantsPage({ headers }: Request): boolean {
  const accept = (headers.get("accept") ?? "").toLowerCase();
  if (accept.includes("json") || headers.get("sec-fetch-dest") === "empty") return false;
  return accept.includes("text/html") || (headers.get("sec-fetch-mode") === "navigate" && !headers.has(keyHeader));
}

/** A redirect to the thank-you page, on one of the project's domains only; JSON for scripts, and where there is no page. */
export function thanks(request: Request, { project }: LeadEndpoint, { id, replayed, page }: Taken): RouteAnswer {
  const target = page !== undefined && ownsUrl(project.domains, page) ? page : project.thankYouUrl;
  const headers: Record<string, string> = replayed ? { "idempotent-replayed": "true" } : {};
  if (wantsPage(request) && target !== undefined) return { status: 303, headers: { ...headers, location: new URL(target).href } };
  return { status: 200, body: { ok: true, id }, headers };
}

/** A refusal as a page: what is wrong with which field, and a link back. */
export function refusalPage(problem: Problem): RouteAnswer {
  const items = problem.errors.map(({ path, message }) => `<li>${path ? `<strong>${escapeHtml(path)}</strong> ` : ""}${escapeHtml(message)}</li>`).join("");
  const title = problem.status >= 500 || problem.status === 429 ? "Please try again in a moment" : "This could not be sent";
  const retry: Record<string, string> = problem.retryAfter === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(problem.retryAfter))) };
  return {
    status: problem.status,
    text: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title></head>
<body><main><h1>${title}</h1><p>${escapeHtml(problem.message)}</p>${items ? `<ul>${items}</ul>` : ""}<p>Go back with your browser: what you typed is still there.</p></main></body></html>
`,
    headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": "default-src 'none'; frame-ancestors 'none'", ...retry },
  };
}
