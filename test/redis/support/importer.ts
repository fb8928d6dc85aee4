import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setImmediate as soon } from "node:timers/promises";
import { type Result, runImport } from "../../../scripts/import-bull/command.ts";
import { type Options, readOptions } from "../../../scripts/import-bull/options.ts";
import { FakeProduct, rootToken } from "./product.ts";
import { type RedisServer, startRedis } from "./redis.ts";

/** Jobs `welcome` of the queue `mail` become mails of the tenant in `data.orgId`. */
export const mailMap = [
  {
    queue: "mail",
    name: "*",
    type: "email",
    tenant: { path: "data.orgId" },
    payload: { fields: { to: { path: "data.to" }, n: { path: "data.n" } } },
    dedup: "accept",
  },
];

const root = resolve(import.meta.dirname, "../../..");

/** A Redis, a product and the importer between them. */
export class Bench {
  readonly redis: RedisServer;
  readonly product: FakeProduct;
  readonly #dir = mkdtempSync(join(tmpdir(), "jobyard-import-"));
  /** What the importer said while it worked. */
  said: string[] = [];
  /** Milliseconds that the importer believes to have slept. */
  slept = 0;

  private constructor(redis: RedisServer, product: FakeProduct) {
    this.redis = redis;
    this.product = product;
  }

  static async open(): Promise<Bench> {
    const [redis, product] = await Promise.all([startRedis(), new FakeProduct().start()]);
    return new Bench(redis, product);
  }

  async close(): Promise<void> {
    await Promise.all([this.redis.close(), this.product.close()]);
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async reset(): Promise<void> {
    await this.redis.client.flushall();
    this.product.reset();
    this.said = [];
    this.slept = 0;
  }

  mapFile(map: unknown = mailMap): string {
    const file = join(this.#dir, "map.json");
    writeFileSync(file, typeof map === "string" ? map : JSON.stringify(map));
    return file;
  }

  args(mode: Options["mode"], ...more: string[]): string[] {
    const map = more.includes("--map") ? [] : ["--map", this.mapFile()];
    const token = more.includes("--token") ? [] : ["--token", rootToken];
    const url = more.includes("--url") ? [] : ["--url", this.redis.url];
    return [`--${mode}`, ...url, "--to", this.product.url, ...token, ...map, ...more];
  }

  /** Runs a command in this process; its waits pass at once. `during` is called at each of them. */
  async run(
    mode: Options["mode"],
    more: readonly string[] = [],
    { signal = new AbortController().signal, during = async () => {} }: { signal?: AbortSignal; during?: () => Promise<void> } = {},
  ): Promise<Result> {
    const sleep = async (milliseconds: number) => {
      this.slept += milliseconds;
      await during();
      await soon();
      return !signal.aborted;
    };
    const progress = { show: () => {}, say: (sentence: string) => void this.said.push(sentence), end: () => {} };
    return runImport(readOptions(this.args(mode, ...more), {})!, { signal, now: () => Date.now() + this.slept, sleep, progress });
  }

  /** Starts the command as a process of its own. */
  spawn(mode: Options["mode"], ...more: string[]): ChildProcess {
    return spawn(process.execPath, [join(root, "scripts", "import-bull.ts"), ...this.args(mode, ...more)], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Every list and set that a job can stand in, and the deduplication keys: what a rollback must bring back. */
  async standing(queue = "mail", prefix = "bull"): Promise<Record<string, string[]>> {
    const { client } = this.redis;
    const base = `${prefix}:${queue}:`;
    const lists = await Promise.all(["wait", "paused", "active"].map(async (name) => [name, await client.lrange(base + name, 0, -1)] as const));
    const sets = await Promise.all(
      ["prioritized", "delayed", "priority", "repeat"].map(async (name) => [name, await client.zrange(base + name, 0, -1, "WITHSCORES")] as const),
    );
    const dedup = (await client.keys(`${base}de:*`)).toSorted();
    return Object.fromEntries([...lists, ...sets, ["dedup", dedup]]);
  }
}

export function mail(n: number, orgId = "acme") {
  return { orgId, to: `user-${n}@example.com`, n };
}
