import { setTimeout as passing } from "node:timers/promises";

/** Why a call of Cloudflare's API gave nothing. */
export type RefusalKind = "unauthorized" | "absent" | "exists" | "refused" | "unavailable";

/** A call that was refused or got no answer. Its text names method, path and Cloudflare's code, never the token. */
export class ApiRefusal extends Error {
  readonly kind: RefusalKind;
  readonly method: string;
  /** Below the account: `/queues`. */
  readonly path: string;
  readonly code: number | undefined;

  constructor(kind: RefusalKind, method: string, path: string, code: number | undefined, why: string) {
    super(`${method} ${path}: ${why}${code === undefined ? "" : ` [code ${code}]`}`);
    this.kind = kind;
    this.method = method;
    this.path = path;
    this.code = code;
  }
}

export interface ApiAnswer {
  result: unknown;
  result_info?: { page?: number; per_page?: number; total_count?: number; total_pages?: number };
}

export interface CallOptions {
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  /** It changes nothing, whatever its method, and may be repeated. */
  isRead?: boolean;
}

/** Cloudflare's API, as the account of the token. Reads are repeated when they get no answer, writes only when they were certainly not taken. */
export interface Api {
  readonly accountId: string;
  /** A path below the account. */
  call(method: string, path: string, options?: CallOptions): Promise<ApiAnswer>;
  /** A path below the root of the API: `/zones?name=…`. */
  callRoot(method: string, path: string, options?: CallOptions): Promise<ApiAnswer>;
}

export interface ApiSettings {
  baseUrl: string;
  token: string;
  accountId: string;
  /** First pause before a repetition, milliseconds; doubles each time. Default 300. */
  pause?: number;
}

const tries = 4;
const longestPause = 30_000;
const maxAnswerMs = 30_000;
/** "Already exists" of queues, D1, R2, KV and consumers. */
const existing = new Set([11009, 7502, 10004, 10014, 11004]);

export function createApi({ baseUrl, token, accountId, pause = 300 }: ApiSettings): Api {
  const root = baseUrl.replace(/(?<!\/)\/+$/, "");
  const send = async (
    prefix: string,
    method: string,
    path: string,
    { body, headers = {}, isRead = method === "GET" }: CallOptions = {},
  ): Promise<ApiAnswer> => {
    const request: RequestInit = {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    for (let attempt = 1; ; attempt++) {
      const outcome = await once(`${root}${prefix}${path}`, request, method, path);
      if ("result" in outcome) return outcome;
      const isLast = attempt === tries || !mayRepeat(isRead, outcome);
      if (isLast) throw outcome.refusal;
      await passing(Math.min(longestPause, outcome.retryAfter ?? pause * 2 ** (attempt - 1)));
    }
  };
  return {
    accountId,
    call: (method, path, options) => send(`/accounts/${accountId}`, method, path, options),
    callRoot: (method, path, options) => send("", method, path, options),
  };
}

interface Failed {
  refusal: ApiRefusal;
  status: number;
  /** Milliseconds. */
  retryAfter: number | undefined;
}

async function once(url: string, request: RequestInit, method: string, path: string): Promise<ApiAnswer | Failed> {
  const shown = path.replace(/\?.*/, "");
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { ...request, signal: AbortSignal.timeout(maxAnswerMs) });
    text = await response.text();
  } catch (cause) {
    return { refusal: new ApiRefusal("unavailable", method, shown, undefined, `no answer (${reasonOf(cause)})`), status: 0, retryAfter: undefined };
  }
  const { status } = response;
  const answer = parsed(text);
  if (response.ok && answer?.success === true) return { result: answer.result ?? null, ...(answer.result_info ? { result_info: answer.result_info } : {}) };
  const { code, message } = answer?.errors?.[0] ?? {};
  const why = `${status}${message ? ` ${message.slice(0, 300)}` : ""}`;
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return { refusal: new ApiRefusal(kindOf(status, code), method, shown, code, why), status, retryAfter: Number.isFinite(seconds) ? seconds * 1000 : undefined };
}

function kindOf(status: number, code: number | undefined): RefusalKind {
  if (status === 401 || status === 403) return "unauthorized";
  if (status === 429 || status >= 500 || status < 400) return "unavailable";
  if (code !== undefined && existing.has(code)) return "exists";
  return status === 404 ? "absent" : "refused";
}

/** 429: not taken. Anything else that has no answer may have been done, so that only a read is repeated. */
function mayRepeat(isRead: boolean, { refusal, status }: Failed): boolean {
  return status === 429 || (isRead && refusal.kind === "unavailable");
}

interface RawAnswer extends ApiAnswer {
  success?: boolean;
  errors?: { code?: number; message?: string }[];
}

function parsed(text: string): RawAnswer | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as RawAnswer) : null;
  } catch {
    // A proxy's page; the status suffices.
    return null;
  }
}

/** Why there was no answer: the code of the connection's error where it has one. */
export function reasonOf(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  return inner instanceof Error ? ("code" in inner && typeof inner.code === "string" ? inner.code : inner.message) : String(inner);
}

/** What the call answers, or undefined where there is no such thing. */
export async function ifThere<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (thrown) {
    if (thrown instanceof ApiRefusal && thrown.kind === "absent") return undefined;
    throw thrown;
  }
}

/** Every page of a list; ends also where an API ignores the page it is asked for. */
export async function allPages<T>(api: Api, path: string, keyOf: (item: T) => string, perPage = 100): Promise<T[]> {
  const found = new Map<string, T>();
  for (let page = 1; ; page++) {
    const { result, result_info: info } = await api.call("GET", `${path}${path.includes("?") ? "&" : "?"}page=${page}&per_page=${perPage}`);
    const before = found.size;
    for (const item of (Array.isArray(result) ? result : []) as T[]) found.set(keyOf(item), item);
    const isLast = info?.total_count !== undefined ? found.size >= info.total_count : found.size - before < (info?.per_page ?? perPage);
    if (isLast || found.size === before) return [...found.values()];
  }
}
