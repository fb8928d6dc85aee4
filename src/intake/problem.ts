import { fromUnknown, Problem, problemBody, shortPath } from "../errors";

/** Default of `Retry-After`, seconds. */
const retrySoonSeconds = 5;

/** The Problem for any thrown value. An unreachable ledger is handled here for all routes. */
export function asProblem(thrown: unknown): Problem {
  if (isOutage(thrown)) return new Problem("unavailable", "The ledger cannot be reached.", { retryAfter: retrySoonSeconds, cause: thrown });
  if (isBucketOutage(thrown)) return new Problem("unavailable", "The storage cannot be reached.", { retryAfter: retrySoonSeconds, cause: thrown });
  return fromUnknown(thrown);
}

export function unavailableProblem(detail: string, cause?: unknown): Problem {
  return new Problem("unavailable", detail, { retryAfter: retrySoonSeconds, cause });
}

export function notFound(noun: string): Problem {
  return new Problem("not-found", `There is no such ${noun}.`);
}

/** The value, or the 404 that names what is missing. */
export function found<Value>(value: Value | null | undefined, noun: string): Value {
  if (value === null || value === undefined) throw notFound(noun);
  return value;
}

/** The only refusal of public endpoints: it does not reveal which of tenant, site and signature was wrong. */
export function publicUnauthorized(): Problem {
  return new Problem("unauthorized", "There is no such address, or its key or signature is wrong.");
}

/** `application/problem+json` with the headers that its status needs. */
export function problemResponse(problem: Problem, request: Request, requestId: string): Response {
  const body = { ...problemBody(problem, shortPath(new URL(request.url).pathname)), requestId };
  return new Response(JSON.stringify(body), { status: problem.status, headers: headersOf(problem, request) });
}

function headersOf(problem: Problem, request: Request): Headers {
  const headers = new Headers({ "content-type": "application/problem+json" });
  if (problem.allow) headers.set("allow", problem.allow.join(", "));
  if (problem.retryAfter !== undefined) headers.set("retry-after", String(Math.max(1, Math.ceil(problem.retryAfter))));
  if (problem.code === "unauthorized") headers.set("www-authenticate", challenge(request));
  return headers;
}

function challenge(request: Request): string {
  const hasToken = request.headers.has("authorization");
  return hasToken ? 'Bearer realm="jobyard", error="invalid_token"' : 'Bearer realm="jobyard"';
}

/** Errors of D1 or of the connection to it. A wrong statement is not among them: it is a defect of this code, and a later try fails too. */
function isOutage(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || !/^D1_|^Network connection lost/.test(thrown.message)) return false;
  return !/SQLITE_(ERROR|CONSTRAINT|MISMATCH|TOOBIG|RANGE|AUTH)|D1_TYPE_ERROR/.test(thrown.message);
}

/** R2's codes for its own faults and for too many requests: internal, unavailable, time-out, rate. */
function isBucketOutage(thrown: unknown): boolean {
  return thrown instanceof Error && /\((?:10001|10043|10054|10058)\)$/.test(thrown.message);
}
