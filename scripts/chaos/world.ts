import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as passing } from "node:timers/promises";
import { Api } from "../../test/way/support/api.ts";
import { type Derived, derivedConfig, root, secrets } from "../../test/way/support/config.ts";
import { migrate } from "../../test/way/support/migrate.ts";
import { freePort } from "../../test/way/support/ports.ts";
import { Outside, RemoteWorker } from "../../test/way/support/remote.ts";
import { Runtime } from "../../test/way/support/runtime.ts";
import type { Switches } from "../../test/way/worker/switches.ts";
import { type Sandbox, startSandbox } from "../sandbox/server.ts";
import { healthy } from "../start/healthy.ts";
import { bundled } from "./bundle.ts";
import type { Observed } from "./observed.ts";
import type { Schedule } from "./schedule.ts";

/** The Worker in a process of its own, the outside world, a remote worker, and their clock. */
export class World {
  readonly api = new Api(() => this.url);
  readonly outside = new Outside();
  readonly output: string[] = [];
  sandbox!: Sandbox;
  readonly #config: Derived = derivedConfig(join(root, "scripts", "chaos", "inside", "entry.ts"), 1);
  readonly #mode: Schedule["mode"];
  #port = 0;
  #ahead = 0;
  #oldShare = 0;
  #runtime: Runtime | undefined;
  #remote: { env: Record<string, string>; worker: RemoteWorker } | undefined;

  readonly #mutant: string | undefined;
  readonly #older: string | undefined;

  constructor(mode: Schedule["mode"], mutant?: string, older?: string) {
    this.#mode = mode;
    this.#mutant = mutant;
    this.#older = older;
  }

  async open(observed: Observed): Promise<this> {
    this.sandbox = await startSandbox({ now: () => this.now(), onCall: observed.onCall, onMail: observed.onMail });
    await this.outside.open();
    this.#port = await freePort();
    const { folder, path: config } = this.#config;
    const report = (line: string) => void this.output.push(line);
    this.#runtime = new Runtime({ config, script: await bundled(this.#older), port: this.#port, stateDir: folder, line: report });
    await this.#start(this.#runtime);
    await migrate(this.api);
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  now(): number {
    return Date.now() + this.#ahead;
  }

  async #start(runtime: Runtime): Promise<void> {
    await runtime.start({
      ...secrets,
      LOCAL: "yes",
      PUBLIC_URL: "https://jobs.example.com",
      ...(this.#mode === "deployed" ? { DEPLOYED: "yes" } : { BOOT_ID: randomUUID() }),
      ...(this.#mutant ? { MUTANT: this.#mutant } : {}),
    });
    await healthy(this.url, AbortSignal.timeout(60_000));
  }

  /** `kill -9` of the runtime, and a new one on the same state. */
  async kill(): Promise<void> {
    if (this.#runtime) await this.#start(this.#runtime);
    await this.#control("old-share", this.#oldShare);
  }

  /** The isolate ends in the middle of what it does; queues and ledger live on. */
  async abort(): Promise<void> {
    await this.api.ask("POST", "/__test/abort").catch(() => undefined);
  }

  /** So much of all requests and batches goes to the release before. */
  async share(old: number): Promise<void> {
    this.#oldShare = old;
    await this.#control("old-share", old);
  }

  async switch(switches: Partial<Switches>): Promise<void> {
    await this.#control("switch", switches);
  }

  /** All bindings work, and so do all providers. */
  async calm(): Promise<void> {
    await this.#control("calm");
    await fetch(`${this.sandbox.url}/__faults`, { method: "DELETE" });
  }

  async rows<Row>(sql: string, ...values: unknown[]): Promise<Row[]> {
    return (await this.#control("rows", { sql, values })) as Row[];
  }

  /** Whether no batch is under way, and no message waits for one. */
  async isIdle(): Promise<boolean> {
    return ((await this.#control("idle")) as { idle: boolean }).idle;
  }

  /** Moves the clock of Worker and sandbox while no batch is under way; false when one still was after a while. */
  async jump(milliseconds: number): Promise<boolean> {
    const to = this.#ahead + milliseconds;
    const { jumped } = (await this.#control("jump", { to, seconds: 15 })) as { jumped: boolean };
    if (jumped) this.#ahead = to;
    return jumped;
  }

  async tick(): Promise<void> {
    await fetch(`${this.url}/cdn-cgi/local/scheduled?cron=*+*+*+*+*&time=${this.now()}`, { signal: AbortSignal.timeout(60_000) })
      .then((answer) => answer.text())
      .catch(() => undefined);
  }

  async startRemote(env: Record<string, string>): Promise<void> {
    const whole = { ...env, JOBYARD_URL: this.url, OUTSIDE: this.outside.url, LEASE: "10", CONCURRENCY: "10", WORKER: "chaos" };
    this.#remote = { env, worker: new RemoteWorker(whole) };
  }

  async killRemote(): Promise<void> {
    if (!this.#remote) return;
    await this.#remote.worker.end("SIGKILL");
    await this.startRemote(this.#remote.env);
  }

  async close(): Promise<void> {
    await this.#remote?.worker.end("SIGKILL");
    await this.#runtime?.stop();
    await this.sandbox?.close();
    await this.outside.close();
    this.#config.remove();
  }

  /** Tried again while the Worker is on its way up. */
  async #control(what: string, body?: unknown): Promise<unknown> {
    for (let tries = 1; ; tries++) {
      try {
        const answer = await this.api.ask("POST", `/__test/${what}`, { body });
        if (answer.status === 200) return answer.body;
        throw new Error(`/__test/${what} answered ${answer.status}: ${answer.text.slice(0, 500)}`);
      } catch (cause) {
        if (tries >= 20) throw cause;
        await passing(500);
      }
    }
  }
}
