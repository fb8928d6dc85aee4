import { randomBytes, randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { driveCron } from "../../start/cron.ts";
import { healthy } from "../../start/healthy.ts";
import { migrate } from "../../start/migrate.ts";
import { runWorker, type RunningWorker } from "../../start/worker-process.ts";

/** The Worker of a measurement: its own port and state, killed and started again as often as one likes. */
export class MeasuredWorker {
  readonly token = randomBytes(24).toString("base64url");
  readonly url: string;
  readonly #root: string;
  readonly #stateDir: string;
  readonly #port: number;
  readonly #secrets: Record<string, string>;
  #worker: RunningWorker | undefined;
  #life = new AbortController();

  constructor(root: string, stateDir: string, port: number) {
    this.#root = root;
    this.#stateDir = stateDir;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
    const key = () => randomBytes(32).toString("base64");
    this.#secrets = { ROOT_TOKEN: this.token, ID_SECRET: key(), SIGNING_KEYS: `s1:${key()}`, ENCRYPTION_KEYS: `e1:${key()}` };
  }

  async start(): Promise<void> {
    await migrate(this.#root, this.#stateDir);
    const bindings = { ...this.#secrets, LOCAL: "yes", BOOT_ID: randomUUID() };
    const order = { config: join(this.#root, "wrangler.toml"), port: this.#port, stateDir: this.#stateDir, verbose: false, bindings };
    this.#life = new AbortController();
    this.#worker = runWorker(this.#root, order, { line: () => undefined, log: () => undefined });
    await this.#worker.ready;
    await healthy(this.url, this.#life.signal);
    void driveCron(this.url, this.#life.signal, (line) => console.error(line));
  }

  /** `kill -9` for the runtime that this process has started, and a new one. */
  async killAndStart(): Promise<void> {
    this.#life.abort();
    for (const pid of runtimesBelow(process.pid)) process.kill(pid, "SIGKILL");
    await this.#worker?.ended;
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    this.#life.abort();
    await this.#worker?.stop();
  }
}

/** Read from Linux. */
function runtimesBelow(pid: number): number[] {
  const all = readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(statOf);
  const family = [{ pid, parent: 0, name: "" }];
  for (const member of family) family.push(...all.filter(({ parent }) => parent === member.pid));
  return family.filter(({ name }) => name.includes("workerd")).map((each) => each.pid);
}

function statOf(entry: string): { pid: number; parent: number; name: string } {
  try {
    const [, name = "", parent = "0"] = /\((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${entry}/stat`, "utf8")) ?? [];
    return { pid: Number(entry), parent: Number(parent), name };
  } catch {
    // It ended while we looked.
    return { pid: Number(entry), parent: 0, name: "" };
  }
}
