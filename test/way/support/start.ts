import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { healthy, silent } from "../../../scripts/start/healthy.ts";
import { keepUp } from "../../../scripts/start/keep-up.ts";
import { runWorker, type RunningWorker } from "../../../scripts/start/worker-process.ts";
import { Api } from "./api.ts";
import { migrate } from "./migrate.ts";
import { derivedConfig, root, secrets, wayEntry } from "./config.ts";
import { freePort } from "./ports.ts";
import { familyOf, killHard } from "./processes.ts";
import { until } from "./until.ts";

/** `npm start` in a state folder of its own; may be killed and started again. */
export class Started {
  readonly stateDir = mkdtempSync(join(tmpdir(), "jobyard-start-"));
  readonly api = new Api(() => `http://127.0.0.1:${this.#port}`);
  /** The sandbox it has started itself. */
  readonly sandbox = new Api(() => `http://127.0.0.1:${this.#sandboxPort}`);
  #port = 0;
  #sandboxPort = 0;
  #child: ChildProcess | undefined;
  #output = "";

  async up(): Promise<void> {
    // The same after a restart: links to unsubscribe hold the address, and a mail that is sent again must be the same.
    this.#port ||= await freePort();
    this.#sandboxPort ||= await freePort();
    const own = { PORT: String(this.#port), SANDBOX_PORT: String(this.#sandboxPort), STATE_DIR: this.stateDir, ROOT_TOKEN: secrets.ROOT_TOKEN };
    const child = spawn(process.execPath, [join(root, "scripts", "bootstrap.mjs"), join("scripts", "start.ts")], {
      cwd: root,
      env: { ...process.env, ...own },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.#output = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (this.#output += chunk.toString()));
    await until(
      "npm start is up",
      async () => {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${this.#output}`);
        return this.#output.includes("Jobyard is up") || this.#output;
      },
      // Two cores that run four stories need a while to bundle the Worker.
      600,
    );
  }

  /** `kill -9` for every process of it at once; returns which kinds there were. */
  async kill(): Promise<string[]> {
    const family = this.family();
    await killHard(family.map(({ pid }) => pid));
    return family.map(({ name }) => name);
  }

  /** What it has printed since its last start. */
  get printed(): string {
    return this.#output;
  }

  family() {
    return this.#child?.pid === undefined ? [] : familyOf(this.#child.pid);
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}

export interface Kept {
  api: Api;
  /** `kill -9` for the runtime alone. */
  killRuntime(): Promise<void>;
  /** What `npm start` would have printed. */
  reported: string[];
  close(): Promise<void>;
}

interface KeptOptions {
  /** Milliseconds without an answer after which the Worker counts as frozen. Default: as for `npm start`. */
  maxSilence?: number;
  /** Seconds for which a batch waits for more messages. Default 0. */
  maxBatchTimeout?: number;
}

/** What `npm start` does with the Worker (its own process, kept up, a cron), for the stories' entry, in a state folder that may have been used before. */
export async function startKept(stateDir: string, { maxSilence, maxBatchTimeout = 0 }: KeptOptions = {}): Promise<Kept> {
  const config = derivedConfig(wayEntry, maxBatchTimeout);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const ending = new AbortController();
  const reported: string[] = [];
  const report = (line: string): void => void reported.push(line);
  let worker: RunningWorker | undefined;
  const launch = (): RunningWorker => {
    const bindings = { ...secrets, LOCAL: "yes", BOOT_ID: randomUUID() };
    const output = { line: report, log: () => undefined };
    return (worker = runWorker(root, { config: config.path, port, stateDir, verbose: false, bindings }, output));
  };
  const looks = { healthy: (signal: AbortSignal) => healthy(url, signal), silent: (signal: AbortSignal) => silent(url, signal, maxSilence) };
  const { up, down } = keepUp({ url, launch, ...looks, report, signal: ending.signal });
  void down.then((why) => report(`down: ${why}`));
  await up;
  const api = new Api(() => url);
  await migrate(api);
  return {
    api,
    reported,
    killRuntime: () => killHard(familyOf(process.pid).flatMap(({ pid, name }) => (name.includes("workerd") ? [pid] : []))),
    async close() {
      ending.abort();
      await worker?.stop();
      config.remove();
    },
  };
}
