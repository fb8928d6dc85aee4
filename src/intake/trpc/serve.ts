import { traceIdOfRequest } from "../../trace";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { largeBody, parsedJson, readText } from "../body";
import { identify, tenantHeader } from "../auth";
import type { IntakeDeps } from "../deps";
import { Problem } from "../../errors";
import { idempotencyHeader } from "../idempotency";
import { appRouter, type CallRoute, type ProblemData, TrpcRefusal } from "./router";

/** Procedures that one request may call at once; a client that batches more is refused. */
const maxBatchSize = 50;
/** Characters of details and issues in one answer, beyond the length of the request. The rest is cut. */
const explainedCharacters = 4000;
const shortDetail = 60;

/** Bytes that are read of a request without a valid token. */
const strangersBody = 65_536;

const endpoint = "/trpc";
/** Headers of the request that each call gets too: caller, tenant, address and trace. */
const passedOn = ["authorization", tenantHeader, "cf-connecting-ip", "traceparent"];

/** Answers requests under `/trpc`: each procedure is a call of a `/v1` route through `answer`, with the token of the request. */
export async function serveTrpc(request: Request, requestId: string, deps: IntakeDeps, answer: (request: Request) => Promise<Response>): Promise<Response> {
  // Read and parsed here first, to bound size, depth and number of parts: tRPC does not bound them.
  const body = request.method === "POST" ? await readText(request, (await isKnown(request, deps)) ? largeBody : strangersBody) : null;
  if (body) parsedJson(body);
  const { url, method, headers } = request;
  return fetchRequestHandler({
    endpoint,
    router: appRouter,
    req: new Request(url, { method, headers, body }),
    createContext: () => ({ callRoute: callerOf(request, answer, explainedCharacters + url.length + (body?.length ?? 0)) }),
    maxBatchSize,
    onError: ({ error, path }) => {
      // A refusal was reported by its route; other codes are errors of the caller.
      if (error.code !== "INTERNAL_SERVER_ERROR" || error.cause instanceof TrpcRefusal) return;
      deps.report({
        requestId,
        trace: traceIdOfRequest(headers, requestId),
        method,
        route: path === undefined ? null : `${endpoint}/${path}`,
        thrown: error.cause ?? error,
      });
    },
    responseMeta: ({ errors }) => ({ headers: { "cache-control": "no-store", ...retryHeader(errors.map(({ cause }) => cause)) } }),
  });
}

/** Whether the token is valid, before a large body is read. Each call checks it again and reports what is wrong. */
async function isKnown(request: Request, deps: IntakeDeps): Promise<boolean> {
  try {
    await identify(request, deps);
    return true;
  } catch (thrown) {
    if (thrown instanceof Problem) return false;
    throw thrown;
  }
}

/** `room`: characters of details and issues of all refusals together. */
function callerOf(request: Request, answer: (request: Request) => Promise<Response>, room: number): CallRoute {
  const serially = createSerial();
  let left = room;
  const shortened = (problem: ProblemData): ProblemData => {
    // The answer has the detail twice: it is also the error's message.
    const needed = 2 * problem.detail.length + JSON.stringify(problem.errors).length;
    left -= needed;
    return left >= 0 ? problem : { ...problem, detail: problem.detail.slice(0, shortDetail), errors: [] };
  };
  return async (method, path, body, extra = {}) => {
    if (method === "POST" && request.headers.has(idempotencyHeader)) throw new TrpcRefusal(422, keyOfRequest);
    const headers = new Headers(extra);
    for (const name of passedOn) {
      const value = request.headers.get(name);
      if (value !== null) headers.set(name, value);
    }
    const content = body === undefined ? null : JSON.stringify(body);
    if (content !== null) headers.set("content-type", "application/json");
    const init: RequestInit = { method, headers, body: content };
    const call = () => answer(new Request(new URL(path, request.url), init));
    // An expanded list is many times its size: several at once would exceed a Worker's memory.
    const response = await (path === "/v1/email/bulk" ? serially(call) : call());
    const value: unknown = await response.json();
    if (response.ok) return value;
    throw new TrpcRefusal(response.status, shortened(problemOf(value, response.headers.get("retry-after"))));
  };
}

/** A request may have several calls, so a key of the request cannot name one of them. */
const keyOfRequest: ProblemData = {
  code: "invalid",
  detail: `The header ${idempotencyHeader} is not read here.`,
  errors: [{ path: idempotencyHeader, message: "must be left out: idempotencyKey of the procedure's input is the key" }],
};

/** Runs functions one after the other; a failing one does not stop the next. */
function createSerial(): <T>(act: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (act) => {
    const result = last.then(act, act);
    last = result;
    return result;
  };
}

function problemOf(body: unknown, retryAfter: string | null): ProblemData {
  const { code, detail, errors } = body as ProblemData;
  return { code, detail, errors, ...(retryAfter === null ? {} : { retryAfter: Number(retryAfter) }) };
}

function retryHeader(causes: readonly unknown[]): Record<string, string> {
  const waits = causes.flatMap((cause) => (cause instanceof TrpcRefusal && cause.problem.retryAfter !== undefined ? [cause.problem.retryAfter] : []));
  return waits.length === 0 ? {} : { "retry-after": String(Math.max(...waits)) };
}
