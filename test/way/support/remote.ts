import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Api, expectOk } from "./api.ts";
import { root } from "./config.ts";
import { until } from "./until.ts";

/** What effects reach, and how often: a request with a key that was seen before does nothing. */
export class Outside {
  /** Requests by job. */
  readonly calls = new Map<string, number>();
  /** Acts by job. */
  readonly acts = new Map<string, number>();
  readonly #keys = new Set<string>();
  readonly #held: ServerResponse[] = [];
  readonly #server = createServer((request, response) => {
    if (request.url === "/hold") return void this.#held.push(response);
    const job = request.url?.split("/").at(-1) ?? "";
    const key = String(request.headers["idempotency-key"]);
    this.calls.set(job, (this.calls.get(job) ?? 0) + 1);
    if (!this.#keys.has(key)) this.acts.set(job, (this.acts.get(job) ?? 0) + 1);
    this.#keys.add(key);
    response.end("{}");
  });

  async open(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get held(): number {
    return this.#held.length;
  }

  /** Lets those go on that wait. */
  release(): void {
    for (const response of this.#held.splice(0)) response.end("{}");
  }

  async close(): Promise<void> {
    this.release();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A worker in a process of its own. */
export class RemoteWorker {
  output = "";
  readonly child: ChildProcess;

  constructor(env: Record<string, string>) {
    const client = join(root, "clients", "worker", "index.js");
    const script = join(root, "test", "way", "support", "remote-worker.mjs");
    this.child = spawn(process.execPath, [script], { env: { ...process.env, CLIENT: client, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
  }

  async sees(line: string, seconds = 30): Promise<void> {
    await until(`the worker prints ${line}`, async () => this.output.includes(line) || this.output.slice(-2000), seconds);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async end(name: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (!this.hasEnded) this.signal(name);
    await until("the worker has ended", async () => this.hasEnded || this.output.slice(-2000));
  }
}

/** A token for workers of a tenant. */
export async function workToken(api: Api, tenant: string): Promise<string> {
  const body = { name: "worker", scopes: ["work"], types: ["remote-demo"] };
  return String((await expectOk(api.ask("POST", `/v1/tenants/${tenant}/tokens`, { body }))).body.token);
}
