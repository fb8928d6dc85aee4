// Used by the benchmarks of this folder: starts Workers on free ports, with one temporary folder for all that they keep.
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "smol-toml";
import { startSandbox, type Sandbox } from "../sandbox/server.ts";
import { driveCron } from "../start/cron.ts";
import { secretsIn } from "../start/dev-vars.ts";
import { healthy } from "../start/healthy.ts";
import { migrate } from "../start/migrate.ts";
import { outputTo } from "../start/output.ts";
import { freePort } from "../start/ports.ts";
import { runWorker } from "../start/worker-process.ts";

export const root = resolve(import.meta.dirname, "../..");

/** As much of wrangler.toml as a benchmark changes. */
export interface Config {
  main: string;
  d1_databases: { migrations_dir: string }[];
  queues: { consumers: { queue: string; max_batch_timeout: number }[] };
}

export interface Started {
  /** Without a slash at its end. */
  url: string;
  rootToken: string;
}

export interface StartOptions {
  /** Names its folder, so that Workers of one run do not share a state. */
  name: string;
  /** `npm start` awaits ledger writes and may call this machine; a deployed Worker does neither. Default: as `npm start`. */
  local?: boolean;
  change?: (config: Config) => void;
  /** Environment besides the secrets. */
  bindings?: Record<string, string>;
  /** Whether its cron is driven. Default true. */
  cron?: boolean;
  /** Where the inspector listens; a profile is taken there. */
  inspectorPort?: number;
}

/** All that a benchmark starts; `end` leaves no process, port or file. Report what is wrong with `report`. */
export class Workbench {
  readonly folder = mkdtempSync(join(tmpdir(), "jobyard-bench-"));
  readonly #ending = new AbortController();
  readonly #ends: (() => Promise<void>)[] = [];
  readonly #report: (line: string) => void;

  constructor(report: (line: string) => void) {
    this.#report = report;
  }

  async sandbox(options: Parameters<typeof startSandbox>[0] = {}): Promise<Sandbox> {
    const sandbox = await startSandbox(options);
    this.#ends.push(() => sandbox.close());
    return sandbox;
  }

  /** The product, on an empty database, with its cron. */
  async worker({ name, local = true, change = () => undefined, bindings = {}, cron = true, inspectorPort }: StartOptions): Promise<Started> {
    const { stateDir, secrets } = this.#place(name);
    const config = parse(readFileSync(join(root, "wrangler.toml"), "utf8")) as unknown as Config;
    config.main = join(root, config.main);
    for (const database of config.d1_databases) database.migrations_dir = join(root, "migrations");
    change(config);
    await migrate(root, stateDir);
    const url = await this.#run(stateDir, config, { ...secrets, ...bindings, ...(local ? { LOCAL: "yes", BOOT_ID: randomUUID() } : {}) }, inspectorPort);
    await healthy(url, this.#ending.signal);
    if (cron) void driveCron(url, this.#ending.signal, this.#report);
    return { url, rootToken: secrets.ROOT_TOKEN };
  }

  /** Any Worker of one file, for comparison; it must answer a GET with a 2xx. */
  async plain(name: string, config: Record<string, unknown>): Promise<string> {
    const url = await this.#run(this.#place(name).stateDir, config, {});
    await (await fetch(url)).text();
    return url;
  }

  /** What else is to be ended with the Workers. */
  atEnd(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  async end(): Promise<void> {
    this.#ending.abort();
    await Promise.allSettled(this.#ends.splice(0).map((end) => end()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  #place(name: string) {
    const stateDir = join(this.folder, name);
    mkdirSync(stateDir);
    return { stateDir, secrets: secretsIn(join(stateDir, "secrets")).secrets };
  }

  async #run(stateDir: string, config: unknown, bindings: Record<string, string>, inspectorPort?: number): Promise<string> {
    const path = join(stateDir, "wrangler.json");
    writeFileSync(path, JSON.stringify(config));
    const port = await freePort();
    const running = runWorker(
      root,
      { config: path, port, stateDir, verbose: false, bindings, ...(inspectorPort ? { inspectorPort } : {}) },
      outputTo(this.#report, false),
    );
    this.#ends.push(() => running.stop());
    void running.ended.then(({ why }) => this.#ending.signal.aborted || this.#report(`A Worker stopped: ${why}.`));
    await running.ready;
    return `http://127.0.0.1:${port}`;
  }
}
