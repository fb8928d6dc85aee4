import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isDeepStrictEqual } from "node:util";

export interface StoredJob {
  id: string;
  tenant: string;
  type: string;
  payload: unknown;
  key: string;
  runAt: string | undefined;
  state: string;
  runs: number;
  failed: string | undefined;
}

export interface Schedule {
  enabled: boolean;
  [field: string]: unknown;
}

interface Sent {
  type: string;
  payload: unknown;
  idempotencyKey: string;
  runAt?: string;
  failed?: string;
}

/** What the fake answers instead of doing what it was asked; undefined: it does. */
export type Fault = (request: {
  method: string;
  path: string;
  tenant: string;
  body: unknown;
}) => { status: number; body?: unknown; headers?: Record<string, string> } | "drop" | "drop-answer" | undefined;

export const rootToken = "root-token-of-the-tests";
export const tenantToken = (tenant: string) => `jy_s1.${tenant}.e30.c2lnbmF0dXJl`;

/** The product's interface as far as the importer uses it, in memory, strict: an unknown route, token or field is refused. */
export class FakeProduct {
  readonly jobs = new Map<string, StoredJob>();
  readonly schedules = new Map<string, Schedule>();
  tenants = new Set(["acme", "globex"]);
  fault: Fault = () => undefined;
  /** Codes by which single jobs are refused. */
  refuse: (job: Sent) => { code: string; errors?: { path: string; message: string }[] } | undefined = () => undefined;
  batches = 0;
  url = "";
  readonly #keys = new Map<string, string>();
  readonly #server = createServer((request, response) => void this.#handle(request, response));

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  close(): Promise<unknown> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  reset(): void {
    this.jobs.clear();
    this.schedules.clear();
    this.fault = () => undefined;
    this.refuse = () => undefined;
    this.tenants = new Set(["acme", "globex"]);
    this.batches = 0;
  }

  /** Their Bull ids. */
  ids(): string[] {
    return [...this.jobs.values()].filter(({ state }) => state !== "cancelled").map(({ key }) => key.split(":")[3] ?? "");
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const body: unknown = text === "" ? undefined : JSON.parse(text);
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    const ofToken = /^jy_s1\.([a-z0-9-]+)\./.exec(token)?.[1];
    if (token !== rootToken && ofToken === undefined) return answer(response, 401, { detail: "The token is not valid: it is unknown or revoked." });
    const tenant = ofToken ?? String(request.headers["jobyard-tenant"] ?? "");
    const method = request.method ?? "";
    const path = request.url ?? "";
    const fault = this.fault({ method, path, tenant, body });
    if (fault === "drop") return void request.socket.destroy();
    if (fault && fault !== "drop-answer") return answer(response, fault.status, fault.body ?? { detail: "a fault" }, fault.headers);
    const result = this.#route(method, path, tenant, body, token === rootToken);
    if (fault === "drop-answer") return void request.socket.destroy();
    answer(response, result[0], result[1]);
  }

  #route(method: string, path: string, tenant: string, body: unknown, isRoot: boolean): [number, unknown] {
    if (method === "GET" && path === "/v1/types") return [200, { types: [mailType] }];
    if (method === "GET" && path === "/v1/me") return isRoot ? [404, {}] : [200, { tenant, scopes: ["enqueue", "read", "operate"] }];
    if (method === "GET" && path === "/v1/tenants")
      return isRoot ? [200, { tenants: [...this.tenants].map((each) => ({ tenant: each })), cursor: null }] : [403, {}];
    const named = /^\/v1\/tenants\/([a-z0-9-]+)$/.exec(path)?.[1];
    if (named !== undefined) return this.tenants.has(named) ? [200, {}] : [404, {}];
    if (!this.tenants.has(tenant)) return [404, { detail: "There is no such tenant." }];
    if (method === "POST" && path === "/v1/jobs/batch") return [202, this.#batch(tenant, (body as { jobs: Sent[] }).jobs)];
    const schedule = /^\/v1\/schedules\/([a-z0-9-]{1,63})$/.exec(path)?.[1];
    if (schedule !== undefined) return this.#schedule(method, `${tenant}/${schedule}`, body);
    const [, id = "", verb] = /^\/v1\/jobs\/([\w-]+)(?:\/(cancel|retry))?$/.exec(path) ?? [];
    const job = this.jobs.get(id);
    if (!job || job.tenant !== tenant) return [404, {}];
    return this.#job(job, verb);
  }

  #batch(tenant: string, jobs: Sent[]): unknown {
    this.batches++;
    const rejected: unknown[] = [];
    const ids = jobs.map((sent, index) => {
      const known = this.jobs.get(this.#keys.get(`${tenant}/${sent.idempotencyKey}`) ?? "");
      const refusal = known && !isDeepStrictEqual(known.payload, sent.payload) ? { code: "idempotency-mismatch" } : this.refuse(sent);
      if (refusal) {
        rejected.push({ index, detail: refusal.code, errors: [], ...refusal });
        return null;
      }
      if (known && sent.failed === undefined && ["cancelled", "dead", "discarded"].includes(known.state))
        Object.assign(known, { state: "queued", runAt: sent.runAt, runs: 0 });
      if (known) return known.id;
      const id = `j${this.jobs.size + 1}`;
      this.#keys.set(`${tenant}/${sent.idempotencyKey}`, id);
      this.jobs.set(id, {
        id,
        tenant,
        type: sent.type,
        payload: sent.payload,
        key: sent.idempotencyKey,
        runAt: sent.runAt,
        state: sent.failed === undefined ? "queued" : "discarded",
        runs: 0,
        failed: sent.failed,
      });
      return id;
    });
    return { accepted: ids.filter((id) => id !== null).length, rejected, ids };
  }

  #job(job: StoredJob, verb: string | undefined): [number, unknown] {
    const isOver = ["done", "dead", "discarded", "cancelled"].includes(job.state);
    if (verb === "cancel" && isOver) return [409, {}];
    if (verb === "cancel" && job.state === "running") return [200, { id: job.id, state: "running", cancelling: true }];
    if (verb === "cancel") job.state = "cancelled";
    if (verb === "retry") job.state = "queued";
    return [verb === "retry" ? 202 : 200, { id: job.id, state: job.state, runs: job.runs }];
  }

  #schedule(method: string, key: string, body: unknown): [number, unknown] {
    if (method === "PUT") this.schedules.set(key, { enabled: true, ...(body as object) });
    const found = this.schedules.get(key);
    return found ? [200, found] : [404, {}];
  }
}

const mailType = {
  type: "email",
  version: 1,
  aliases: [],
  policy: { maxAttempts: 5 },
  payload: {
    type: "object",
    properties: { to: { type: "string" }, n: { type: "number" }, subject: { type: "string", maxLength: 3 } },
    required: ["to"],
    additionalProperties: false,
  },
};

function answer(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}
