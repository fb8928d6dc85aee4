import { existsSync, globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "smol-toml";

export const root = resolve(import.meta.dirname, "../..");

export const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** By name only: the Worker's sources are checked with the runtime's types, which those of Node contradict. */
export const load = async <Module>(path: string): Promise<Module> => (await import(/* @vite-ignore */ `../../src/${path}.ts`)) as Module;

export interface Consumer {
  queue: string;
  max_batch_size: number;
  max_batch_timeout: number;
  max_retries: number;
  retry_delay: number;
  dead_letter_queue?: string;
}

export interface Wrangler {
  main: string;
  compatibility_date: string;
  compatibility_flags: string[];
  triggers: { crons: string[] };
  observability: { enabled: boolean; logs: { enabled: boolean; invocation_logs: boolean } };
  limits: { cpu_ms: number };
  d1_databases: { binding: string; migrations_dir: string }[];
  kv_namespaces: { binding: string }[];
  r2_buckets: { binding: string }[];
  images: { binding: string };
  version_metadata: { binding: string };
  analytics_engine_datasets: { binding: string }[];
  durable_objects: { bindings: { name: string; class_name: string }[] };
  migrations: { new_sqlite_classes?: string[] }[];
  secrets: { required: string[] };
  vars?: Record<string, unknown>;
  ratelimits: { name: string; namespace_id: string; simple: { limit: number; period: number } }[];
  queues: { producers: { binding: string; queue: string }[]; consumers: Consumer[] };
}

export interface Contract {
  type: string;
  queues: string[];
  remote?: unknown;
  batch: boolean;
  policy: { maxAttempts: number; timeout: number; concurrency: number; pack: number; maxAge: number; backoff: { cap: number } };
}

export const wrangler = parse(read("wrangler.toml")) as unknown as Wrangler;

export const manifest = JSON.parse(read("package.json")) as Record<"scripts" | "dependencies" | "devDependencies", Record<string, string>> & {
  version: string;
};

export const { queues } = await load<{ queues: Record<string, { binding: string; batchSize: number; batchTimeout: number }> }>("jobs/queues");

export const { jobs } = await load<{ jobs: { contract: Contract }[] }>("jobs/index");

export const { maxBatchMs, leaseMarginMs } = await load<{ maxBatchMs: number; leaseMarginMs: number }>("queue/lease");

export const contracts = jobs.map(({ contract }) => contract);

export const { maxBatchJobs } = await load<{ maxBatchJobs: number }>("queue/envelope");

export const backstop = "dead-letters";

/** Each type that travels in packs, on each of its queues. */
export const packs = contracts.filter(({ policy }) => policy.pack > 1).flatMap((contract) => contract.queues.map((queue) => ({ ...contract, queue })));

export const sources = globSync("src/**/*.ts", { cwd: root }).map((path) => ({ path, text: read(path) }));

/** Whether a test file has tests of these titles. */
export function holds(file: string, titles: readonly string[]): boolean {
  const path = `test/${file}.test.ts`;
  return existsSync(join(root, path)) && titles.every((title) => read(path).includes(title));
}
