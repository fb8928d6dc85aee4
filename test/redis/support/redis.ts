import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort } from "../../way/support/ports.ts";
import { until } from "../../way/support/until.ts";

export interface RedisServer {
  port: number;
  url: string;
  /** For a look inside. */
  client: Redis;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Starts it again on what it has on disk. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** A real redis-server of its own, in memory. `settings` are those of redis.conf. */
export async function startRedis(settings: Readonly<Record<string, string>> = {}, password?: string): Promise<RedisServer> {
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), "jobyard-redis-"));
  const options = Object.entries({ port: String(port), bind: "127.0.0.1", save: "", appendonly: "no", dir, ...settings });
  const words = options.flatMap(([name, value]) => [`--${name}`, value]);
  const start = () => spawn(process.env["REDIS_SERVER_PATH"] ?? "redis-server", words, { stdio: "ignore" });
  let child = start();
  // A test that fails may not get as far as closing it.
  process.once("exit", () => child.kill("SIGKILL"));
  const client = new Redis({ port, host: "127.0.0.1", ...(password ? { password } : {}), maxRetriesPerRequest: null, retryStrategy: () => 50 });
  client.on("error", () => undefined);
  const answers = async () => {
    const failed = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`redis-server ended with ${code}`)));
    });
    await Promise.race([failed, until("redis-server answers", async () => (await client.ping()) === "PONG")]);
  };
  const kill = async () => {
    if (child.signalCode !== null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  };
  await answers();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    client,
    kill,
    async restart() {
      child = start();
      await answers();
    },
    async close() {
      client.disconnect();
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
