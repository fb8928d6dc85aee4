import { setTimeout as passing } from "node:timers/promises";
import type { Sides } from "./compare.ts";
import type { Row } from "./expected.ts";

const key = "SANDBOXSHOPKEYFORTHETENANTDEMO01";

/** What a job's view is looked at for. */
interface JobView {
  id: string;
  state: string;
  error?: string;
  endedAt: string | null;
  runs: number;
  result?: Record<string, number>;
}

/** What the sandbox reports about a shop. */
interface Summary {
  requests: { total: number };
  concurrency: { most: number };
  largest: Record<string, { rows: number; bytes: number }>;
  held: number;
}

export interface Ends {
  worker: { url: string; token: string };
  sandboxUrl: string;
}

/** A shop in the sandbox with its site, seen from both ends. */
export class MeasuredSite implements Sides {
  readonly name: string;
  readonly #ends: Ends;

  constructor(name: string, ends: Ends) {
    this.name = name;
    this.#ends = ends;
  }

  /** Makes both; the shop is read only when a sync is started. */
  async make(settings: Record<string, unknown>): Promise<void> {
    await this.#shop("POST", "", { name: this.name, key, ...settings });
    await this.#ask("PUT", "/v1/tenants/bench", { name: "bench" });
    await this.#ask("PUT", `/v1/sites/${this.name}`, { platform: "prestashop", url: `${this.#ends.sandboxUrl}/shop/${this.name}`, key });
    for (const kind of ["orders", "products"]) await this.#ask("DELETE", `/v1/schedules/sync-${kind}-${this.name}`);
  }

  async enqueue(type: string, payload: object = {}): Promise<string> {
    return String((await this.#ask("POST", "/v1/jobs", { type, payload: { siteId: this.name, ...payload } }))["id"]);
  }

  /** Waits for a job's end; any but a good one is an error. */
  async ended(id: string, milliseconds = 15 * 60_000): Promise<JobView> {
    for (const until = Date.now() + milliseconds; ;) {
      const job = (await this.#ask("GET", `/v1/jobs/${id}`)) as unknown as JobView;
      if (job.state === "done") return job;
      if (job.endedAt !== null || Date.now() > until) throw new Error(`The job is ${job.state}: ${job.error ?? "it does not end"}`);
      await passing(200);
    }
  }

  change(resource: string, what: object): Promise<unknown> {
    return this.#shop("POST", `/${this.name}/changes`, { resource, ...what });
  }

  summary(): Promise<Summary> {
    return this.#shop("GET", `/${this.name}`) as Promise<unknown> as Promise<Summary>;
  }

  /** Waits until the shop has been asked so many times more, and keeps the next call waiting. */
  async holdAfter(requests: number): Promise<void> {
    await this.#shop("POST", `/${this.name}/hold`, { afterRequests: requests });
    while ((await this.summary()).held === 0) await passing(50);
  }

  async release(): Promise<void> {
    await this.#shop("DELETE", `/${this.name}/hold`);
  }

  ours(path: string): Promise<Record<string, unknown>> {
    return this.#ask("GET", `/v1/sites/${this.name}${path}`);
  }

  async theirs(resource: string): Promise<Row[]> {
    const rows: Row[] = [];
    for (let after: unknown = 0; after !== null;) {
      const page = await this.#shop("GET", `/${this.name}/rows/${resource}?limit=10000&after=${String(after)}`);
      rows.push(...(page["rows"] as Row[]));
      after = page["after"];
    }
    return rows;
  }

  #shop(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    return answered(`${this.#ends.sandboxUrl}/shop/__shops${path}`, method, {}, body);
  }

  #ask(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const { url, token } = this.#ends.worker;
    return answered(`${url}${path}`, method, { authorization: `Bearer ${token}`, "jobyard-tenant": "bench" }, body);
  }
}

async function answered(url: string, method: string, headers: Record<string, string>, body?: object): Promise<Record<string, unknown>> {
  const init = { method, headers: { ...headers, "content-type": "application/json" }, ...(body ? { body: JSON.stringify(body) } : {}) };
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(60_000) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${new URL(url).pathname} answered ${answer.status}: ${text.slice(0, 300)}`);
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}
