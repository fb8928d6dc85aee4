import { secrets } from "./config.ts";

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The body as JSON. */
  body: Body;
}

/** JSON of any shape, looked into without ceremony: a story compares what it finds. */
// oxlint-disable-next-line no-explicit-any
type Body = any;

export interface RequestOptions {
  token?: string;
  headers?: Record<string, string>;
  /** An object is sent as JSON. */
  body?: unknown;
}

/** The public interface of a Worker at an address, as a client with a token uses it. */
export class Api {
  readonly #url: () => string;
  readonly #token: string;
  readonly #headers: Record<string, string>;

  constructor(url: () => string, token: string = secrets.ROOT_TOKEN, headers: Record<string, string> = {}) {
    this.#url = url;
    this.#token = token;
    this.#headers = headers;
  }

  /** The same Worker, with the root token for a tenant. */
  forTenant(tenant: string): Api {
    return new Api(this.#url, secrets.ROOT_TOKEN, { "jobyard-tenant": tenant });
  }

  withToken(token: string): Api {
    return new Api(this.#url, token);
  }

  async ask(method: string, path: string, { body, headers = {} }: RequestOptions = {}): Promise<Answer> {
    const raw = body === undefined || typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream;
    const answer = await fetch(this.#url() + path, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json", ...this.#headers, ...headers },
      ...(body === undefined ? {} : { body: raw ? (body as BodyInit) : JSON.stringify(body), duplex: "half" }),
      signal: AbortSignal.timeout(60_000),
    } as RequestInit);
    const text = await answer.text();
    const isJson = (answer.headers.get("content-type") ?? "").includes("json");
    return { status: answer.status, headers: answer.headers, text, body: isJson && text !== "" ? JSON.parse(text) : undefined };
  }

  get(path: string): Promise<Answer> {
    return this.ask("GET", path);
  }

  /** Enqueues one job and gives its id; any answer but 202 is an error. */
  async enqueue(type: string, payload: unknown, more: Record<string, unknown> = {}, headers: Record<string, string> = {}): Promise<string> {
    const { status, body, text } = await this.ask("POST", "/v1/jobs", { body: { type, payload, ...more }, headers });
    if (status !== 202) throw new Error(`POST /v1/jobs answered ${status}: ${text}`);
    return String(body.id);
  }

  async job(id: string): Promise<Body> {
    const { status, body, text } = await this.get(`/v1/jobs/${id}`);
    if (status !== 200) throw new Error(`GET /v1/jobs/${id} answered ${status}: ${text}`);
    return body;
  }
}

/** Makes a tenant with a mail connection to the sandbox; gives a client with a token that may do all. */
export async function makeTenant(api: Api, tenant: string, sandboxUrl: string, limits?: unknown): Promise<Api> {
  const own = api.forTenant(tenant);
  await expectOk(api.ask("PUT", `/v1/tenants/${tenant}`, { body: { name: tenant, timezone: "Europe/Berlin" } }));
  const mail = { provider: "resend", baseUrl: `${sandboxUrl}/mail`, apiKey: `re_${tenant}_key`, from: `${tenant} <no-reply@${tenant}.example>` };
  await expectOk(own.ask("PUT", "/v1/connections/mail", { body: limits === undefined ? mail : { ...mail, limits } }));
  const minted = await expectOk(api.ask("POST", `/v1/tenants/${tenant}/tokens`, { body: { name: "story", scopes: ["admin"] } }));
  return api.withToken(String(minted.body.token));
}

export async function expectOk(pending: Promise<Answer>): Promise<Answer> {
  const answer = await pending;
  if (answer.status >= 300) throw new Error(`answered ${answer.status}: ${answer.text}`);
  return answer;
}
