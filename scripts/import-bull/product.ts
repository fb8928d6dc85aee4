import { Failure, interrupted } from "./failure.ts";

export interface ProductOptions {
  /** Origin. */
  to: string;
  token: string;
  /** Answers false when it was interrupted. */
  sleep: (milliseconds: number) => Promise<boolean>;
  now: () => number;
  /** Is shown while the product does not answer. */
  trouble: (sentence: string) => void;
  /** How long an unavailable product is asked again, in milliseconds; 10 minutes by default. */
  maxWaitMs?: number;
}

export interface Answer {
  status: number;
  body: Record<string, unknown>;
  /** Seconds; 0 where the answer has none. */
  retryAfter: number;
}

/** The product's public interface, asked again while it does not answer, has too many requests or is unavailable. */
export interface Product {
  /** The only tenant that the token is for; undefined for the root token. */
  tenant: string | undefined;
  ask(method: string, path: string, options?: { tenant?: string; body?: unknown }): Promise<Answer>;
  /** The same, or a Failure for every status that is not among these. */
  expect(statuses: readonly number[], method: string, path: string, options?: { tenant?: string; body?: unknown }): Promise<Answer>;
}

const requestTimeout = 60_000;

export function createProduct(options: ProductOptions): Product {
  const tenant = /^jy_[^.]+\.([a-z0-9-]{1,63})\./.exec(options.token)?.[1];
  const ask: Product["ask"] = (method, path, request = {}) => askPatiently(options, method, path, request, tenant === undefined);
  return {
    tenant,
    ask,
    async expect(statuses, method, path, request) {
      const answer = await ask(method, path, request);
      if (statuses.includes(answer.status)) return answer;
      throw new Failure([401, 403].includes(answer.status) ? 3 : 4, `The product answered ${method} ${path} with ${answer.status}: ${detailOf(answer)}`);
    },
  };
}

export function detailOf({ body }: Pick<Answer, "body">): string {
  const detail = body["detail"] ?? body["title"];
  const issues = Array.isArray(body["errors"])
    ? (body["errors"] as { path: string; message: string }[]).slice(0, 3).map(({ path, message }) => `${path}: ${message}`)
    : [];
  const text = [...(typeof detail === "string" ? [detail] : []), ...issues.filter((issue) => typeof detail !== "string" || !detail.includes(issue))].join("; ");
  return text === "" ? "without an explanation." : text.slice(0, 500);
}

async function askPatiently(
  options: ProductOptions,
  method: string,
  path: string,
  request: { tenant?: string; body?: unknown },
  isRoot: boolean,
): Promise<Answer> {
  const until = options.now() + (options.maxWaitMs ?? 600_000);
  for (let pause = 500; ; pause = Math.min(pause * 2, 30_000)) {
    const answer = await askOnce(options, method, path, request, isRoot);
    if (answer.status !== 0 && answer.status !== 429 && answer.status < 500) return answer;
    const wait = Math.max(pause, Math.min(answer.retryAfter * 1000, 300_000));
    const state = answer.status === 0 ? `does not answer (${detailOf(answer)})` : `answered ${answer.status}`;
    if (options.now() + wait > until)
      throw new Failure(4, `The product ${state}: ${method} ${path}. Run the same command again when it is back; nothing is lost or taken twice.`);
    options.trouble(`The product ${state}; asking again in ${Math.ceil(wait / 1000)} s.`);
    if (!(await options.sleep(wait))) throw interrupted();
  }
}

async function askOnce(
  { to, token }: ProductOptions,
  method: string,
  path: string,
  { tenant, body }: { tenant?: string; body?: unknown },
  isRoot: boolean,
): Promise<Answer> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  if (tenant !== undefined && isRoot) headers["jobyard-tenant"] = tenant;
  if (body !== undefined) headers["content-type"] = "application/json";
  try {
    const init = {
      method,
      headers,
      redirect: "error",
      signal: AbortSignal.timeout(requestTimeout),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    } as const;
    const response = await fetch(to + path, init);
    return { status: response.status, body: objectFrom(await response.text()), retryAfter: Number(response.headers.get("retry-after")) || 0 };
  } catch (cause) {
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    return { status: 0, body: { detail: inner instanceof Error ? inner.message : String(inner) }, retryAfter: 0 };
  }
}

function objectFrom(text: string): Record<string, unknown> {
  try {
    const parsed = JSON.parse(text) as unknown;
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
