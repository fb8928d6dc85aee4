import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Cluster, Redis } from "ioredis";
import { Failure } from "./failure.ts";

export type Client = Redis | Cluster;

const scripts = ["look", "claim", "settle", "reclaim", "restore", "unschedule"] as const;
export type Script = (typeof scripts)[number];

export interface Connection {
  client: Client;
  isCluster: boolean;
  /** Host, port and database, without credentials. */
  name: string;
  /** Runs one of the scripts of `lua/` on one key of a queue. */
  run(script: Script, key: string, ...values: readonly (string | number)[]): Promise<unknown>;
  close(): void;
}

/** Connects to a Redis by its URL (redis:// or rediss://, with user, password and database). Throws a Failure that names no credential. */
export async function connect(url: string): Promise<Connection> {
  const { hostname, port, pathname } = addressOf(url);
  const name = `${hostname || "127.0.0.1"}:${port || "6379"}${pathname.length > 1 ? pathname : ""}`;
  const single = new Redis(url, { lazyConnect: true, connectTimeout: 10_000, maxRetriesPerRequest: 8, retryStrategy: (times) => Math.min(times * 200, 2000) });
  // The first one is the cause of those that follow.
  let firstError = "";
  single.on("error", (error: Error) => (firstError ||= error.message));
  try {
    // A first connection that fails is not tried again: the address or the password is wrong.
    await single.connect();
    const isCluster = /cluster_enabled:1/.test(await single.info("cluster").catch(() => ""));
    const client = isCluster ? clusterOf(single) : single;
    for (const script of scripts) client.defineCommand(script, { numberOfKeys: 1, lua: textOf("why") + textOf(script) });
    return { client, isCluster, name, run: (script, key, ...values) => call(client, script, key, values), close: () => close(client, single) };
  } catch (cause) {
    single.disconnect();
    throw unusable(name, firstError || (cause instanceof Error ? cause.message : String(cause)));
  }
}

/** An error of Redis or of its client as a Failure; undefined for any other. */
export function fromRedis(name: string, cause: unknown): Failure | undefined {
  if (!(cause instanceof Error)) return undefined;
  const isOfRedis =
    ["ReplyError", "MaxRetriesPerRequestError", "ClusterAllFailedError", "AbortError"].includes(cause.name) || cause.message === "Connection is closed.";
  return isOfRedis ? unusable(name, cause.message) : undefined;
}

function unusable(name: string, why: string): Failure {
  return new Failure(4, `Redis at ${name} cannot be used: ${why.replace(/\.$/, "")}. It is safe to run the same command again.`);
}

function addressOf(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed && ["redis:", "rediss:"].includes(parsed.protocol)) return parsed;
  throw new Failure(2, "--url must be the URL of a Redis, like redis://127.0.0.1:6379 or rediss://user:password@host:6380/0.");
}

function clusterOf(single: Redis): Cluster {
  const { host, port, username, password, tls } = single.options;
  const credentials = { ...(username ? { username } : {}), ...(password ? { password } : {}), ...(tls ? { tls } : {}) };
  const cluster = new Cluster([{ host: host ?? "127.0.0.1", port: port ?? 6379 }], {
    redisOptions: credentials,
    clusterRetryStrategy: (times) => (times > 20 ? null : Math.min(times * 200, 2000)),
    ...(tls ? { dnsLookup: (host, done) => done(null, host) } : {}),
  });
  // What it reports of single nodes; a command that fails rejects by itself.
  cluster.on("error", () => undefined);
  return cluster;
}

type Commands = Record<Script, (key: string, ...values: (string | number)[]) => Promise<unknown>>;

function call(client: Client, script: Script, key: string, values: readonly (string | number)[]): Promise<unknown> {
  return (client as unknown as Commands)[script](key, ...values);
}

function textOf(script: string): string {
  return readFileSync(join(import.meta.dirname, "lua", `${script}.lua`), "utf8");
}

function close(client: Client, single: Redis): void {
  client.disconnect();
  single.disconnect();
}
