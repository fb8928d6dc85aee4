import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { Redis } from "ioredis";
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

/** The importer between a Redis and a product. */
export class Importer {
  readonly #redisUrl: string;
  readonly #product: { url: string; token: string };
  readonly #map: unknown;
  readonly #dir = mkdtempSync(join(tmpdir(), "jobyard-import-"));
  /** What the importer printed while it worked. */
  printed: string[] = [];
  /** What its processes wrote to the error output. */
  errors = "";
  /** Milliseconds that it slept by the fake clock. */
  slept = 0;

  constructor(redisUrl: string, product: { url: string; token: string }, map: unknown = mailMap) {
    this.#redisUrl = redisUrl;
    this.#product = product;
    this.#map = map;
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }

  mapFile(map: unknown = this.#map): string {
    const file = join(this.#dir, "map.json");
    writeFileSync(file, typeof map === "string" ? map : JSON.stringify(map));
    return file;
  }

  args(mode: Options["mode"], ...more: string[]): string[] {
    const usual = { "--url": () => this.#redisUrl, "--to": () => this.#product.url, "--token": () => this.#product.token, "--map": () => this.mapFile() };
    const missing = Object.entries(usual).filter(([name]) => !more.includes(name));
    return [`--${mode}`, ...missing.flatMap(([name, value]) => [name, value()]), ...more];
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
    const progress = { show: () => {}, print: (sentence: string) => void this.printed.push(sentence), end: () => {} };
    return runImport(readOptions(this.args(mode, ...more), {})!, { signal, now: () => Date.now() + this.slept, sleep, progress });
  }

  /** Starts the command as a process of its own. */
  spawn(mode: Options["mode"], ...more: string[]): ChildProcess {
    const child = spawn(process.execPath, [join(root, "scripts", "import-bull.ts"), ...this.args(mode, ...more)], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr.on("data", (chunk: Buffer) => (this.errors += chunk.toString()));
    return child;
  }

  /** Every list and set that a job can stand in, and the deduplication keys: what a rollback must bring back. */
  async standing(client: Redis, queue = "mail", prefix = "bull"): Promise<Record<string, string[]>> {
    const base = `${prefix}:${queue}:`;
    const lists = await Promise.all(["wait", "paused", "active"].map(async (name) => [name, await client.lrange(base + name, 0, -1)] as const));
    const sets = await Promise.all(
      ["prioritized", "delayed", "priority", "repeat"].map(async (name) => [name, await client.zrange(base + name, 0, -1, "WITHSCORES")] as const),
    );
    const dedup = (await client.keys(`${base}de:*`)).toSorted();
    return Object.fromEntries([...lists, ...sets, ["dedup", dedup]]);
  }
}

/** A Redis and a fake product of their own, and the importer between them. */
export class Bench extends Importer {
  readonly redis: RedisServer;
  readonly product: FakeProduct;

  private constructor(redis: RedisServer, product: FakeProduct) {
    super(redis.url, { url: product.url, token: rootToken });
    this.redis = redis;
    this.product = product;
  }

  /** `settings` are those of redis.conf. */
  static async open(settings: Readonly<Record<string, string>> = {}): Promise<Bench> {
    const [redis, product] = await Promise.all([startRedis(settings), new FakeProduct().start()]);
    return new Bench(redis, product);
  }

  async close(): Promise<void> {
    await Promise.all([this.redis.close(), this.product.close()]);
    this.remove();
  }

  async reset(): Promise<void> {
    await this.redis.client.flushall();
    this.product.reset();
    this.printed = [];
    this.slept = 0;
  }

  /** Of its own Redis. */
  stands(queue?: string, prefix?: string): Promise<Record<string, string[]>> {
    return this.standing(this.redis.client, queue, prefix);
  }
}

export function mail(n: number, orgId = "acme") {
  return { orgId, to: `user-${n}@example.com`, n };
}
