import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "smol-toml";

export const root = resolve(import.meta.dirname, "../../..");

/** The Worker of the stories. */
export const wayEntry = join(root, "test", "way", "worker", "entry.ts");

export const secrets = {
  ROOT_TOKEN: "root-token-of-the-stories",
  ID_SECRET: "id-secret-of-the-stories",
  SIGNING_KEYS: `s1:${randomBytes(32).toString("base64")}`,
  ENCRYPTION_KEYS: `e1:${randomBytes(32).toString("base64")}`,
};

export interface Derived {
  /** A folder of its own under the system's for temporary files. */
  folder: string;
  path: string;
  remove(): void;
}

/** The project's wrangler.toml with the stories' entry (or another), batches that do not wait for company (or so many seconds), and refusals without a limit. Stories hand their secrets over themselves. */
export function derivedConfig(main = wayEntry, maxBatchTimeout = 0, alias: Record<string, string> = {}): Derived {
  const folder = mkdtempSync(join(tmpdir(), "jobyard-way-"));
  const config = parse(readFileSync(join(root, "wrangler.toml"), "utf8")) as unknown as Config;
  config.main = main;
  delete config.secrets;
  config.alias = alias;
  for (const database of config.d1_databases) database.migrations_dir = join(root, "migrations");
  for (const consumer of config.queues.consumers) consumer.max_batch_timeout = Math.min(maxBatchTimeout, consumer.max_batch_timeout);
  // A story walks every route with a wrong token.
  for (const { name, simple } of config.ratelimits) if (name === "REFUSAL_RATE") simple.limit = 10_000;
  const path = join(folder, "wrangler.json");
  writeFileSync(path, JSON.stringify(config));
  return { folder, path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

interface Config {
  main: string;
  secrets?: unknown;
  alias?: Record<string, string>;
  d1_databases: { migrations_dir: string }[];
  ratelimits: { name: string; simple: { limit: number } }[];
  queues: { consumers: { queue: string; max_batch_timeout: number }[] };
}
