import { withCommas } from "../decimal";
import { Router } from "itty-router";
import { Problem } from "../errors";
import { authorize } from "./auth";
import { readJson } from "./body";
import type { IntakeDeps } from "./deps";
import { traceFrom, traceIdOfRequest } from "../trace";
import { asProblem, problemResponse, publicUnauthorized } from "./problem";
import { nearestRoute } from "./nearest-route";
import { clientAddress, subscriberOf } from "./network";
import { refuseOwnHost } from "./own-host";
import { readQuery } from "./query";
import { type RouteAnswer, type AnyRoute, checkFieldScopes, openPath, type PathPattern } from "./route";
import { routes } from "./routes";

/** Characters of a URL: the platform's limit. The work for a repeated parameter grows with the square of the length. */
const maxUrlLength = 16_384;

const plainName: PathPattern = { pattern: /^[a-z0-9-]{1,64}$/, message: "must be 1 to 63 of the characters a-z, 0-9 and -" };

/** Most requests have no query: their URL is not parsed for it. */
const noParameters = new URLSearchParams();

/** Data of a request while it is answered. */
interface Passage {
  id: string;
  route: AnyRoute | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
}

type Params = Readonly<Record<string, string>>;
type Incoming = Request & { params: Params };

/** The HTTP interface over a table of routes. The returned function answers every request and never throws. */
export function createIntake(deps: IntakeDeps, table: readonly AnyRoute[] = routes): (request: Request) => Promise<Response> {
  const paths = byPath(table);
  const routerOf = createRouters(deps, [...paths.keys()]);
  const routers = new Map([...Map.groupBy(paths, ([path]) => areaOf(path))].map(([area, here]) => [area, routerOf(here)]));
  const nowhere = routerOf([]);
  const answerIn = (area: string, request: Request) =>
    (routers.get(area) ?? nowhere).fetch(request as never, { id: crypto.randomUUID(), route: undefined } satisfies Passage) as Promise<Response>;
  const answerRoute = (request: Request) => answerIn(areaOf(request.url), request);
  const trpc = routerOf([]);
  trpc.all("/trpc/*", async (request: Request, { id }: Passage) => (await import("./trpc/serve")).serveTrpc(request, id, deps, answerRoute));
  routers.set("trpc", trpc);
  return async (request) => {
    // Each reading of a request's URL makes a new text.
    const { url } = request;
    return url.length > maxUrlLength ? problemResponse(tooLong(), request, crypto.randomUUID()) : answerIn(areaOf(url), request);
  };
}

/** The first word of a path after `/v1`. Each has a router of its own, because a router tries its paths one after the other. */
function areaOf(url: string): string {
  return /^(?:[a-z]+:\/\/[^/]*)?\/*(?:v1\/+)?([^/?#]*)/.exec(url)?.[1] ?? "";
}

/** Creates the routers. `known` lists all paths, for the answer to a mistyped one. */
function createRouters(deps: IntakeDeps, known: readonly string[]) {
  const orUnknown = (response: Response | undefined, request: Request, passage: Passage) =>
    response ?? refuse(unknownRoute(request, known), request, passage, deps);
  return (paths: readonly [path: string, here: AnyRoute[]][]) => {
    const router = Router({
      catch: (thrown: unknown, request: Request, passage: Passage) => refuse(thrown, request, passage, deps),
      finally: [orUnknown, stamp],
    });
    for (const [path, here] of paths) {
      router.all(path, (request: Incoming, passage: Passage) => answer(here, request, passage, deps));
    }
    return router;
  };
}

async function answer(here: readonly AnyRoute[], request: Incoming, passage: Passage, deps: IntakeDeps): Promise<Response> {
  const allow = methodsOf(here);
  passage.headers = await here.find((each) => each.crossOrigin)?.crossOrigin?.(deps, request, request.params);
  if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: { allow: allow.join(", ") } });
  const method = request.method === "HEAD" ? "GET" : request.method;
  const route = here.find((each) => each.method === method);
  if (!route) throw new Problem("method-not-allowed", `Use ${allow.join(", ")}.`, { allow });
  passage.route = route;
  try {
    return respond(await handle(route, request, passage, deps));
  } catch (thrown) {
    const refused = await limited(thrown, request, deps);
    const publicRefusal = route.refusal?.(asProblem(refused), request);
    if (!publicRefusal) throw refused;
    return respond(publicRefusal);
  }
}

/** Answers 429 to a network with many wrong tokens, keys or signatures. A limiter that cannot be reached limits no caller. */
async function limited(thrown: unknown, request: Request, deps: Pick<IntakeDeps, "auth">): Promise<unknown> {
  if (!(thrown instanceof Problem) || thrown.code !== "unauthorized") return thrown;
  if (await deps.auth.mayBeRefused(subscriberOf(clientAddress(request))).catch(() => true)) return thrown;
  return new Problem("too-many-requests", "Too many requests from this address were refused; wait a minute.", { retryAfter: 60 });
}

/** Methods that a path answers, as `Allow` lists them. */
function methodsOf(here: readonly AnyRoute[]): string[] {
  const methods = here.map((route) => route.method as string);
  return [...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"];
}

/** Checks token, tenant, query and body, in this order: without a token a caller learns only that the route exists. */
async function handle(route: AnyRoute, request: Incoming, passage: Passage, deps: IntakeDeps): Promise<RouteAnswer> {
  const params = decodeParams(route, request.params);
  const admitted = await authorize(route, request, params, deps);
  checkParams(route, params);
  const { url } = request;
  const query = readQuery(route.query, url.includes("?") ? new URL(url).searchParams : noParameters);
  const { body, length } = await readBody(route, request, params, (given) => checkFieldScopes(admitted.caller, route, given));
  if (route.body?.outgoing) refuseOwnHost(body, url);
  return route.handle({ request, requestId: passage.id, deps: inTrace(deps, request), ...admitted, params, query, body, bodyLength: length });
}

/** Jobs that a request enqueues belong to its trace, if it has one. */
function inTrace(deps: IntakeDeps, request: Request): IntakeDeps {
  const trace = traceFrom(request.headers.get("traceparent"));
  return trace === undefined ? deps : { ...deps, ...deps.inTrace(trace) };
}

async function readBody(
  { body: rule }: AnyRoute,
  request: Request,
  params: Params,
  allow: (given: unknown) => void,
): Promise<{ body: unknown; length: number }> {
  if (!rule || rule.readByHandler) return { body: undefined, length: 0 };
  return readJson(request, { ...rule, schema: rule.schemaFor?.(params) ?? rule.schema }, allow);
}

function respond({ status, body, text, headers }: RouteAnswer): Response {
  const type: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
  return new Response(body === undefined ? (text ?? null) : JSON.stringify(body), { status, headers: { ...type, ...headers } });
}

/** Adds the headers of every answer. The answer to HEAD is that of GET without its body. */
function stamp(response: Response, request: Request, passage: Passage): Response | Promise<Response> {
  // Set on the answer itself: a copy would make a stream of its text.
  const { headers } = response;
  for (const [name, value] of Object.entries(passage.headers ?? {})) headers.set(name, value);
  headers.set("x-request-id", passage.id);
  headers.set("x-content-type-options", "nosniff");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  return request.method === "HEAD" ? headOf(response) : response;
}

/** Content-Length is that of the GET's body, unless it is a stream of unknown length. */
async function headOf(response: Response): Promise<Response> {
  const { status, headers } = response;
  if (headers.has("content-length")) await response.body?.cancel();
  else if (/json/.test(headers.get("content-type") ?? "")) headers.set("content-length", String((await response.arrayBuffer()).byteLength));
  return new Response(null, { status, headers });
}

function refuse(thrown: unknown, request: Request, passage: Passage, deps: Pick<IntakeDeps, "report">): Response {
  const problem = asProblem(thrown);
  if (problem.status >= 500 && problem.cause !== undefined) {
    const trace = traceIdOfRequest(request.headers, passage.id);
    deps.report({ requestId: passage.id, trace, method: request.method, route: passage.route?.path ?? null, thrown: problem.cause });
  }
  return problemResponse(problem, request, passage.id);
}

/** Parameters with a pattern of their own may be percent-encoded. */
function decodeParams(route: AnyRoute, given: Params): Params {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, route.params?.[name] ? percentDecoded(value) : value]));
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A name that cannot exist is not found; where it would be created, the answer has the rule. */
function checkParams(route: AnyRoute, params: Params): void {
  const patternOf = (name: string) => route.params?.[name] ?? plainName;
  const invalid = Object.keys(params).filter((name) => !patternOf(name).pattern.test(params[name] ?? ""));
  if (invalid.length === 0) return;
  if (route.scope === "public") throw publicUnauthorized();
  if (route.method !== "PUT" || route.changesOnly) throw new Problem("not-found", "There is nothing with this name or id.");
  const errors = invalid.map((path) => ({ path, message: patternOf(path).message }));
  throw new Problem("invalid", "The name in the path is invalid.", { errors });
}

function tooLong(): Problem {
  return new Problem("too-large", `The URL may have at most ${withCommas(maxUrlLength)} characters.`);
}

function unknownRoute(request: Request, known: readonly string[]): Problem {
  const nearest = nearestRoute(new URL(request.url).pathname, known);
  return new Problem("not-found", `There is no such route; ${nearest ? `did you mean ${openPath(nearest)}? ` : ""}GET /v1 lists them.`);
}

function byPath(table: readonly AnyRoute[]): Map<string, AnyRoute[]> {
  const paths = new Map<string, AnyRoute[]>();
  for (const route of table) paths.set(route.path, [...(paths.get(route.path) ?? []), route]);
  return paths;
}
