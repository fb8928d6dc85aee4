import { readBytes } from "../body";
import { publicUnauthorized } from "../problem";
import { type AnyRoute, param, route } from "../route";
import { wantsPage } from "../leads/answer";
import { brokenLinkPage, unsubscribedPage, unsubscribePage } from "../unsubscribe-page";

const params = { token: { pattern: /^[A-Za-z0-9_-]{40,1200}$/, message: "must be the token of a mail's link" } };
/** Bytes of the body that a mail program posts. */
const maxBodyBytes = 10_000;

/** A person gets a page, a mail program the problem. */
const refusal: AnyRoute["refusal"] = (problem, request) =>
  problem.code === "unauthorized" && wantsPage(request) ? { status: problem.status, ...brokenLinkPage() } : undefined;

export const unsubscribeRoutes = [
  route("GET /u/:token", {
    name: "showUnsubscribe",
    summary: "The page of a mail's unsubscribe link; changes nothing, since mail scanners follow links",
    scope: "public",
    tenant: "none",
    params,
    answers: { 200: "text/html" },
    problems: [401],
    refusal,
    handle: async (call) => {
      const found = await call.deps.unsubscribe.read(param(call, "token"));
      if (!found) throw publicUnauthorized();
      return { status: 200, ...unsubscribePage(found.address) };
    },
  }),
  route("POST /u/:token", {
    name: "unsubscribe",
    summary: "Unsubscribe: by the page's button, or with one click by a mail program (RFC 8058)",
    scope: "public",
    tenant: "none",
    params,
    answers: { 200: "text/html" },
    problems: [401, 413, 503],
    refusal,
    handle: async (call) => {
      const found = await call.deps.unsubscribe.read(param(call, "token"));
      if (!found) throw publicUnauthorized();
      await readBytes(call.request, maxBodyBytes);
      await call.deps.unsubscribe.act(found);
      return { status: 200, ...unsubscribedPage(found.address) };
    },
  }),
];
