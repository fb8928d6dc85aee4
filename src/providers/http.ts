import { jsonFrom } from "../json/record";
import { checkAddress, checkRedirect } from "../address/address";
import type { AddressRules, AddressVerdict } from "../address/address";
import type { Failure, Reply } from "../queue/effect";
import { failed, ok } from "../queue/effect";
import type { CallResult } from "../queue/ports/gates";
import { readBody, unlessAborted } from "./body";

/** One call of an adapter. */
export interface HttpRequest {
  /** Default GET. */
  method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  url: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
  /** The run's: fires on time-out, cancel and the end of the batch. */
  signal: AbortSignal;
  /** Milliseconds for the whole call, redirects and body included. Default 20,000. */
  timeLimit?: number;
  /** Bytes of the answer. Default 1,000,000. */
  sizeLimit?: number;
  /** `answer`: a redirect is returned as the answer, for a caller that reports it. Default `follow`. */
  redirects?: "follow" | "answer";
  /** Whether a repeat is harmless. Default: true for GET, HEAD, PUT and DELETE. */
  repeatable?: boolean;
}

/** A server's answer, whatever its status. Its body was read to the end when the status is a success. */
export interface HttpAnswer {
  status: number;
  headers: Headers;
  bytes: Uint8Array;
  /** The body as UTF-8. */
  text(): string;
  /** The body as JSON; undefined when it is none. */
  json(): unknown;
}

interface HttpOptions {
  /** Rules of addresses, checked before each call and each redirect. */
  rules: AddressRules;
  /** Called once for each call with its result: any answer below 500 counts as answered. Not called for calls that were not made or that our own signal stopped. */
  onResult?: (result: CallResult) => void;
  /** The W3C `traceparent` of the next request; none by default. */
  traceparent?: (() => string) | undefined;
}

export type Http = (request: HttpRequest) => Promise<Reply<HttpAnswer>>;

const maxHops = 3;
const redirects = [301, 302, 303, 307, 308];

/**
 * The HTTP client of every adapter. Never throws. A failure means that there is no answer to read:
 * `transient` when nothing can have been done, `uncertain` when it may have been. The runtime reports a refused connection and one
 * that was lost after sending alike, so a call that must not be repeated is uncertain in both cases.
 * Redirects are followed for GET and HEAD only, at most three; another origin gets none of the caller's headers.
 */
export function createHttp(options: HttpOptions): Http {
  return async (request) => {
    const headers = sendable(request.headers);
    if (!headers) return failed({ class: "config", reason: "a header holds characters that cannot be sent: check the key" });
    if (request.signal.aborted) return failed({ class: "transient", reason: "the run had ended before the call" });
    const limit = timeLimit(request);
    try {
      return await follow(request, headers, limit.signal, options);
    } finally {
      limit.clear();
    }
  };
}

async function follow(request: HttpRequest, headers: Headers, signal: AbortSignal, options: HttpOptions): Promise<Reply<HttpAnswer>> {
  let target = checkAddress(request.url, options.rules);
  if (!target.ok) return failed({ class: "config", reason: `the address ${target.reason}` });
  let sent = headers;
  for (let hop = 0; target.ok; hop++) {
    const here: URL = target.url;
    const reply = await exchange(here, request, sent, signal, options);
    const location = reply.ok && request.redirects !== "answer" ? redirectOf(reply.value) : undefined;
    if (location === undefined) return reply;
    const refusal = refusedRedirect(request, hop);
    if (refusal) return failed({ class: "permanent", reason: refusal });
    target = checkRedirect(location, here, options.rules);
    if (target.ok && target.url.origin !== here.origin) sent = withoutCredentials(sent);
  }
  return failed({ class: "permanent", reason: `was redirected to an address that ${addressReason(target)}` });
}

/** One request, one answer. */
async function exchange(url: URL, request: HttpRequest, headers: Headers, signal: AbortSignal, options: HttpOptions): Promise<Reply<HttpAnswer>> {
  try {
    const init = { method: request.method ?? "GET", headers: traced(headers, options), body: request.body ?? null, redirect: "manual", signal } as const;
    const response = await unlessAborted(fetch(url, init), signal);
    const reply = await answerOf(response, request, signal);
    report(reply.ok && reply.value.status < 500 ? "answered" : "transient", request, options);
    return reply;
  } catch {
    report("transient", request, options);
    return failed(lostRequest(request));
  }
}

/** Each request has its own span. */
function traced(headers: Headers, { traceparent }: HttpOptions): Headers {
  if (traceparent === undefined) return headers;
  const sent = new Headers(headers);
  sent.set("traceparent", traceparent());
  return sent;
}

/** A refusal is returned even with a partial body; a success with a partial body is a failure. */
async function answerOf(response: Response, request: HttpRequest, signal: AbortSignal): Promise<Reply<HttpAnswer>> {
  const { bytes, end } = await readBody(response.body, request.sizeLimit ?? 1_000_000, signal);
  if (response.ok && end === "broken") return failed(lostRequest(request));
  if (response.ok && end === "too-large") return failed(tooLarge(request));
  return ok({
    status: response.status,
    headers: response.headers,
    bytes,
    text: () => new TextDecoder().decode(bytes),
    json: () => jsonFrom(new TextDecoder().decode(bytes)),
  });
}

function report(result: CallResult, request: HttpRequest, options: HttpOptions) {
  if (result === "transient" && request.signal.aborted) return;
  options.onResult?.(result);
}

function lostRequest(request: HttpRequest): Failure {
  const reason = request.signal.aborted ? "the run ended while the call was under way" : "the connection failed or timed out before the answer was complete";
  return { class: isRepeatable(request) ? "transient" : "uncertain", reason };
}

function tooLarge(request: HttpRequest): Failure {
  return { class: isRepeatable(request) ? "permanent" : "uncertain", reason: `the answer is larger than ${request.sizeLimit ?? 1_000_000} bytes` };
}

/** Whether a second identical call is harmless. */
function isRepeatable(request: Pick<HttpRequest, "method" | "repeatable">): boolean {
  return request.repeatable ?? ["GET", "HEAD", "PUT", "DELETE"].includes(request.method ?? "GET");
}

function redirectOf(answer: HttpAnswer): string | undefined {
  return redirects.includes(answer.status) ? (answer.headers.get("location") ?? undefined) : undefined;
}

function refusedRedirect(request: HttpRequest, hop: number): string | undefined {
  if (!["GET", "HEAD"].includes(request.method ?? "GET")) return "answered with a redirect: give the final address";
  return hop >= maxHops ? `was redirected more than ${maxHops} times` : undefined;
}

function addressReason(target: AddressVerdict): string {
  return target.ok ? "may be called" : target.reason;
}

/** A header of any name may be a credential (Authorization, X-Api-Key, …), so only headers that describe the answer are kept. */
function withoutCredentials(headers: Headers): Headers {
  return new Headers([...headers].filter(([name]) => ["accept", "accept-language", "user-agent"].includes(name)));
}

function sendable(headers: Record<string, string> | undefined): Headers | undefined {
  try {
    return new Headers({ "user-agent": "Jobyard", ...lowerCased(headers ?? {}) });
  } catch {
    return undefined;
  }
}

function lowerCased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function timeLimit(request: HttpRequest): { signal: AbortSignal; clear: () => void } {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error("time limit")), request.timeLimit ?? 20_000);
  return { signal: AbortSignal.any([request.signal, limit.signal]), clear: () => clearTimeout(timer) };
}
