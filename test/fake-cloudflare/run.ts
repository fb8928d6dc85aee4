import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { main } from "../../scripts/deploy/main.ts";
import type { Place } from "../../scripts/deploy/session.ts";
import type { ExitCode, Report } from "../../scripts/deploy/report.ts";
import { freshSecrets } from "../../scripts/start/dev-vars.ts";
import { accountId, apiToken, type FakeCloudflare, type SeenCall, startFakeCloudflare } from "./server.ts";

const root = resolve(import.meta.dirname, "../..");

export interface Ran {
  code: ExitCode;
  report: Report;
  /** Everything that was printed. */
  text: string;
  calls: SeenCall[];
  /** Calls that change something; asking a database is none. */
  writes: string[];
}

export interface Deployer {
  fake: FakeCloudflare;
  /** Where this test's files are. */
  folder: string;
  secretsFile: string;
  secrets: ReturnType<typeof freshSecrets>;
  /** Runs a command of scripts/ in this process, with `--json`; `environment` goes before the usual one. */
  run(line: string, environment?: Record<string, string | undefined>, createWrangler?: Place["createWrangler"]): Promise<Ran>;
  /** Throws when something was called that no route answers. */
  close(): Promise<void>;
}

/** A fake account and what a deploy to it needs. */
export async function startDeployer(): Promise<Deployer> {
  const fake = await startFakeCloudflare();
  const folder = mkdtempSync(join(tmpdir(), "jobyard-deploy-test-"));
  mkdirSync(join(folder, "generated"));
  const secrets = freshSecrets();
  const secretsFile = join(folder, "secrets.json");
  writeFileSync(secretsFile, JSON.stringify(secrets));
  const usual = { CLOUDFLARE_API_BASE_URL: fake.url, CLOUDFLARE_API_TOKEN: apiToken, CLOUDFLARE_ACCOUNT_ID: accountId };
  const run: Deployer["run"] = async (line, environment = {}, createWrangler) => {
    const [command = "", ...words] = line.split(" ").filter((word) => word !== "");
    const [from, out, err] = [fake.calls.length, [] as string[], [] as string[]];
    const place = { root, folder: join(folder, "generated"), environment: { ...usual, ...environment }, ...(createWrangler ? { createWrangler } : {}) };
    const print = { out: (text: string) => void out.push(text), err: (text: string) => void err.push(text) };
    // The hosts of the tests are nowhere; nothing is asked beyond this machine.
    const nowhere = words.includes("--url") ? [] : ["--url", "http://127.0.0.1:9"];
    const code = await main(command as "deploy" | "doctor", [...words, ...nowhere, "--json"], place, print);
    const calls = fake.calls.slice(from);
    const writes = calls
      .filter(({ method, path }) => method !== "GET" && !path.endsWith("/query"))
      .map(({ method, path, status }) => `${method} ${path} ${status}`);
    return { code, report: JSON.parse(out.join("")) as Report, text: [...out, ...err].join("\n"), calls, writes };
  };
  const close = async () => {
    await fake.close();
    rmSync(folder, { recursive: true, force: true });
    if (fake.unknown.length > 0) throw new Error(`The fake does not know these calls: ${fake.unknown.join(", ")}`);
  };
  return { fake, folder, secretsFile, secrets, run, close };
}

/** An account as a deploy leaves it, without the time that one takes; its Worker was made from another state of the checkout. */
export function deployedAccount({ fake: { account }, secrets }: Deployer, { env = "production", release = "before" } = {}): void {
  const suffix = env === "production" ? "" : `-${env}`;
  const id = account.addDatabase(`jobyard${suffix}`);
  const sqlite = account.database(id)!.sqlite;
  sqlite.exec("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP)");
  for (const name of readdirSync(join(root, "migrations")).toSorted()) sqlite.prepare("INSERT INTO d1_migrations (name) VALUES (?)").run(name);
  const namespace = account.addNamespace(`jobyard-config${suffix}`);
  for (const name of ["payloads", "media"]) account.buckets.add(`default/jobyard-${name}${suffix}`);
  for (const { queue } of queues) account.addQueue(`${queue}${suffix}`);
  const script = account.addScript(`jobyard${suffix}`, { crons: ["* * * * *"], secrets: new Map(Object.entries(secrets)), migrationTag: "v1" });
  script.deployments.push({ id: "version-before", created_on: "2026-01-01T00:00:00Z" });
  script.bindings = [
    { type: "d1", name: "DB", id },
    { type: "kv_namespace", name: "CONFIG", namespace_id: namespace },
    { type: "r2_bucket", name: "PAYLOADS", bucket_name: `jobyard-payloads${suffix}` },
    { type: "r2_bucket", name: "MEDIA", bucket_name: `jobyard-media${suffix}` },
    ...queues.map(({ binding, queue }) => ({ type: "queue", name: binding, queue_name: `${queue}${suffix}` })),
    ...["LEAD_RATE", "PROJECT_RATE", "REFUSAL_RATE"].map((name, index) => ({ type: "ratelimit", name, namespace_id: String(1001 + index) })),
    ...[...["GATE", "ANALYTICS", "IMAGES"].map((name) => ({ type: "other", name }))],
    { type: "plain_text", name: "OWN_HOSTS", text: "jobs.example.com" },
    { type: "plain_text", name: "RELEASE", text: release },
  ];
  for (const consumer of consumers) {
    const made = account.addConsumer(`${consumer.queue}${suffix}`, `jobyard${suffix}`);
    const { max_batch_size: batch_size, max_retries, max_batch_timeout: seconds = 0, retry_delay, dead_letter_queue: dead } = consumer;
    made.settings = { batch_size, max_retries, max_wait_time_ms: seconds * 1000, retry_delay };
    if (dead) made.dead_letter_queue = `${dead}${suffix}`;
  }
  const actions = ["PutObject", "CompleteMultipartUpload", "CopyObject", "DeleteObject", "LifecycleDeletion"];
  account.rules.set(`jobyard-media${suffix} ${account.queue(`media-uploads${suffix}`)?.queue_id}`, [{ ruleId: "r", prefix: "", suffix: "", actions }]);
}

const { readConfiguration } = await import("../../scripts/deploy/wanted.ts");
const {
  queues: { producers: queues, consumers },
} = readConfiguration(root);
