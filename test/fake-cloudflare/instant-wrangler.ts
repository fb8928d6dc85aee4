import { readdirSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Configuration } from "../../scripts/deploy/wanted.ts";
import type { Wrangler } from "../../scripts/deploy/wrangler.ts";
import type { FakeAccount, FakeBinding } from "./state.ts";

type Generated = Configuration & { d1_databases: { database_id: string; migrations_dir: string; database_name: string }[] };

/** Does to the fake account what wrangler does to a real one, at once: for tests of everything around it. `test/long/deploy-wrangler.test.ts` has the real one. */
export function instantWrangler(account: FakeAccount): () => Wrangler {
  return () => ({
    migrate: async (path) => {
      const [database] = configurationIn(path).d1_databases;
      const sqlite = account.database(database?.database_id ?? "")?.sqlite;
      sqlite?.exec("CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP)");
      for (const name of readdirSync(resolve(dirname(path), database?.migrations_dir ?? "")).toSorted()) {
        sqlite?.prepare("INSERT OR IGNORE INTO d1_migrations (name) VALUES (?)").run(name);
      }
    },
    upload: async (path, secrets) => {
      const configuration = configurationIn(path);
      const script = account.scripts.get(configuration.name) ?? account.addScript(configuration.name);
      script.bindings = bindingsOf(configuration);
      for (const [name, value] of Object.entries(secrets)) script.secrets.set(name, value);
      script.crons = configuration.triggers?.crons ?? [];
      script.deployments.unshift({ id: `version-${++script.uploads}`, created_on: new Date().toISOString() });
      attach(account, configuration);
      return script.deployments[0]?.id ?? null;
    },
  });
}

function configurationIn(path: string): Generated {
  return JSON.parse(readFileSync(path, "utf8")) as Generated;
}

function bindingsOf({ d1_databases, kv_namespaces, r2_buckets, queues, vars = {}, ratelimits = [], ...rest }: Generated): FakeBinding[] {
  const named = [...(rest.durable_objects?.bindings ?? []), ...(rest.send_email ?? [])].map(({ name }) => name);
  const single = [
    ...(rest.analytics_engine_datasets ?? []),
    ...(rest.images ? [rest.images] : []),
    ...(rest.version_metadata ? [rest.version_metadata] : []),
  ].map(({ binding }) => binding);
  return [
    ...d1_databases.map(({ binding, database_id: id }) => ({ type: "d1", name: binding, id })),
    ...kv_namespaces.map(({ binding, id }) => ({ type: "kv_namespace", name: binding, namespace_id: id })),
    ...r2_buckets.map(({ binding, ...bucket }) => ({ type: "r2_bucket", name: binding, ...bucket })),
    ...queues.producers.map(({ binding, queue }) => ({ type: "queue", name: binding, queue_name: queue })),
    ...ratelimits.map(({ name, namespace_id: id }) => ({ type: "ratelimit", name, namespace_id: id })),
    ...[...named, ...single].map((name) => ({ type: name === "EMAIL" ? "send_email" : "other", name })),
    ...(rest.ai ? [{ type: "ai", name: rest.ai.binding }] : []),
    ...Object.entries(vars).map(([name, text]) => ({ type: "plain_text", name, text })),
  ];
}

function attach(account: FakeAccount, { name, queues }: Generated): void {
  for (const { queue, dead_letter_queue: dead, ...consumer } of queues.consumers) {
    const known = account.queue(queue)?.consumers.find(({ script }) => script === name) ?? account.addConsumer(queue, name);
    const { max_batch_size: batch_size, max_retries, max_batch_timeout: seconds = 0, retry_delay } = consumer;
    known.settings = { batch_size, max_retries, max_wait_time_ms: seconds * 1000, retry_delay };
    if (dead !== undefined) known.dead_letter_queue = dead;
  }
}
