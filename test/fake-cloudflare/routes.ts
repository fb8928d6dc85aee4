import type { DatabaseSync } from "node:sqlite";
import { type FakeAnswer, type FakeRoute, of, refused } from "./call.ts";
import { type FakeAccount, type FakeQueue, type FakeScript, hexId } from "./state.ts";
import { deployed, uploaded, versioned } from "./uploads.ts";

/** All routes of the fake; any other call is unexpected. Below `/accounts/{id}` unless it is marked root. */
export const accountRoutes: readonly FakeRoute[] = [
  of("GET", "/tokens/verify", undefined, () => ({ result: { id: "t", status: "active" } })),

  of("GET", "/d1/database/:name", "d1", ({ account, params: [name = ""] }) => {
    const found = account.database(decodeURIComponent(name));
    return found ? { result: { uuid: found.uuid, name: found.name, jurisdiction: found.jurisdiction } } : refused(404, 7404, "The database could not be found");
  }),
  of("POST", "/d1/database", "d1", ({ account, json }) => {
    const { name, jurisdiction = null } = json as { name: string; jurisdiction?: string };
    if (account.databases.has(name)) return refused(400, 7502, "A database with that name already exists");
    return { result: { uuid: account.addDatabase(name, jurisdiction), name, jurisdiction } };
  }),
  of("POST", "/d1/database/:id/query", "d1", ({ account, params: [id = ""], json }) => queried(account, id, json)),

  of("GET", "/storage/kv/namespaces", "kv", ({ account, query }) => paged(account.namespaces, query)),
  of("POST", "/storage/kv/namespaces", "kv", ({ account, json: { title } }) => {
    if (account.namespaces.some((each) => each.title === title)) return refused(400, 10014, "a namespace with this account ID and title already exists");
    return { result: { id: account.addNamespace(String(title)), title } };
  }),

  of("GET", "/r2/buckets/:name", "r2", ({ account, params: [name = ""], headers }) =>
    account.buckets.has(`${placeOf(headers)}/${name}`) ? { result: { name } } : refused(404, 10006, "The specified bucket does not exist."),
  ),
  of("POST", "/r2/buckets", "r2", ({ account, json: { name }, headers }) => {
    const key = `${placeOf(headers)}/${String(name)}`;
    if (account.buckets.has(key)) return refused(409, 10004, "The bucket you tried to create already exists, and you own it.");
    account.buckets.add(key);
    return { result: { name } };
  }),

  of("GET", "/queues", "queues", ({ account, query }) => {
    const names = query.getAll("name");
    return paged(names.length > 0 ? account.queues.filter(({ queue_name }) => names.includes(queue_name)) : account.queues, query);
  }),
  of("POST", "/queues", "queues", ({ account, json }) => {
    const { queue_name: name, jurisdiction = null } = json as { queue_name: string; jurisdiction?: string };
    if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(name)) return refused(400, 11003, "Queue name is invalid");
    if (account.queue(name)) return refused(409, 11009, "Queue name is already taken");
    return { result: account.addQueue(name, jurisdiction) };
  }),
  of("GET", "/queues/:id/metrics", "queues", ({ account, params: [id] }) => {
    const queue = account.queues.find(({ queue_id }) => queue_id === id);
    return queue ? { result: queue.backlog ?? { backlog_count: 0, backlog_bytes: 0, oldest_message_timestamp_ms: 0 } } : refused(404, 11000, "queue not found");
  }),
  of("POST", "/queues/:id/consumers", "queues", ({ account, params: [id], json }) => consumed(account, id, undefined, json)),
  of("PUT", "/queues/:id/consumers/:consumer", "queues", ({ account, params: [id, consumer], json }) => consumed(account, id, consumer, json)),
  of("DELETE", "/queues/:id/consumers/:consumer", "queues", ({ account, params: [id, consumer] }) => {
    const queue = account.queues.find(({ queue_id }) => queue_id === id);
    const index = queue?.consumers.findIndex(({ consumer_id }) => consumer_id === consumer) ?? -1;
    if (!queue || index < 0) return refused(404, 11005, "consumer not found");
    queue.consumers.splice(index, 1);
    return { result: null };
  }),

  of("GET", "/workers/services/:name", "workers", ({ account, params: [name = ""] }) => {
    const script = account.scripts.get(name);
    const environment = { environment: "production", script: { id: name, tag: name, migration_tag: script?.migrationTag, last_deployed_from: "wrangler" } };
    return script
      ? { result: { id: name, default_environment: environment, environments: [environment] } }
      : refused(404, 10090, "workers.api.error.service_not_found");
  }),
  of("GET", "/workers/workers/:name", "workers", ({ account, params: [name = ""] }) =>
    account.scripts.has(name) ? { result: { id: hexId(), name, subdomain: { enabled: true, previews_enabled: false } } } : refused(404, 10007, "not found"),
  ),
  of("GET", "/workers/subdomain", "workers", () => ({ result: { subdomain: "acme" } })),
  of("GET", "/workers/scripts/:name/subdomain", "workers", () => ({ result: { enabled: true, previews_enabled: false } })),
  of("POST", "/workers/scripts/:name/subdomain", "workers", () => ({ result: { enabled: true, previews_enabled: false } })),
  scripted("GET", "/workers/scripts/:name/settings", ({ bindings, secrets, settings }) => ({
    result: {
      bindings: [...bindings, ...[...secrets.keys()].map((name) => ({ type: "secret_text", name }))],
      compatibility_date: "2026-10-01",
      usage_model: "standard",
      tags: [],
      ...settings,
    },
  })),
  scripted("GET", "/workers/scripts/:name/secrets", ({ secrets }) => ({ result: [...secrets.keys()].map((name) => ({ name, type: "secret_text" })) })),
  scripted("GET", "/workers/scripts/:name/schedules", ({ crons }) => ({ result: { schedules: crons.map((cron) => ({ cron })) } })),
  scripted("GET", "/workers/scripts/:name/deployments", ({ deployments }) => ({
    result: {
      deployments: deployments.map((each) => ({ ...each, source: "wrangler", strategy: "percentage", versions: [{ version_id: each.id, percentage: 100 }] })),
    },
  })),
  of("PUT", "/workers/scripts/:name/schedules", "workers", ({ account, params: [name = ""], json }) => {
    const script = account.scripts.get(name);
    if (!script) return refused(404, 10007, "This Worker does not exist on your account.");
    script.crons = (json as unknown as { cron: string }[]).map(({ cron }) => cron);
    return { result: { schedules: json } };
  }),
  of("POST", "/workers/scripts/:name/versions", "workers", ({ account, params: [name = ""], form }) => versioned(account, name, form)),
  of("POST", "/workers/scripts/:name/deployments", "workers", ({ account, params: [name = ""], json }) => deployed(account, name, json)),
  scripted("PATCH", "/workers/scripts/:name/script-settings", () => ({ result: {} })),
  of("PUT", "/workers/scripts/:name", "workers", ({ account, params: [name = ""], form }) => uploaded(account, name, form)),

  of("GET", "/event_notifications/r2/:bucket/configuration", "r2", ({ account, params: [bucket = ""] }) => {
    const kept = [...account.rules].filter(([key]) => key.startsWith(`${bucket} `));
    if (kept.length === 0) return refused(404, 11015, "No event notification configuration exists for this bucket");
    const queues = kept.map(([key, rules]) => {
      const queueId = key.slice(bucket.length + 1);
      return { queueId, queueName: account.queues.find(({ queue_id }) => queue_id === queueId)?.queue_name ?? "?", rules };
    });
    return { result: { bucketName: bucket, queues } };
  }),
  of("PUT", "/event_notifications/r2/:bucket/configuration/queues/:queue", "r2", ({ account, params: [bucket = "", queue = ""], json }) =>
    ruled(account, bucket, queue, json),
  ),

  of("GET", "/event_subscriptions/subscriptions", "subscriptions", ({ account, query }) =>
    paged(
      account.subscriptions.filter(({ destination }) => !query.has("queue_id") || destination.queue_id === query.get("queue_id")),
      query,
    ),
  ),
  of("POST", "/event_subscriptions/subscriptions", "subscriptions", ({ account, json }) => {
    const { name, enabled, events, source, destination } = json as unknown as FakeAccount["subscriptions"][number];
    const isWhole = source.type === "email.sending" && account.zones.some(({ id }) => id === source.zone_id) && source.domain.endsWith("example.com");
    if (!isWhole || !account.queues.some(({ queue_id }) => queue_id === destination.queue_id)) return refused(400, 1100, "invalid subscription");
    if (!events.every((event) => /^message\.[a-z]+$/.test(event))) return refused(400, 1101, "unknown event");
    const made = { id: hexId(), name, enabled, events, source, destination };
    account.subscriptions.push(made);
    return { result: made };
  }),
  of("PATCH", "/event_subscriptions/subscriptions/:id", "subscriptions", ({ account, params: [id], json }) => {
    const found = account.subscriptions.find((each) => each.id === id);
    return found ? { result: Object.assign(found, json) } : refused(404, 1102, "no such subscription");
  }),
];

export const rootRoutes: readonly FakeRoute[] = [
  of("GET", "/user/tokens/verify", undefined, () => ({ result: { id: "t", status: "active" } })),
  of("GET", "/user", undefined, () => ({ result: { id: "u", email: "ops@example.com" } })),
  of("GET", "/memberships", undefined, () => ({ result: [{ id: "m", account: { id: "acc", name: "Acme" } }] })),
  of("GET", "/accounts", "accounts", () => ({ result: [{ id: "acc", name: "Acme" }] })),
  of("GET", "/zones", "zones", ({ account, query }) => ({ result: account.zones.filter(({ name }) => name === query.get("name")) })),
];

function scripted(method: string, path: string, answer: (script: FakeScript) => FakeAnswer): FakeRoute {
  return of(method, path, "workers", ({ account, params: [name = ""] }) => {
    const script = account.scripts.get(name);
    return script ? answer(script) : refused(404, 10007, "This Worker does not exist on your account.");
  });
}

function placeOf(headers: Headers): string {
  return headers.get("cf-r2-jurisdiction") ?? "default";
}

function paged(items: readonly unknown[], query: URLSearchParams): FakeAnswer {
  const [page, size] = [Number(query.get("page") ?? 1), Math.min(100, Number(query.get("per_page") ?? 100))];
  return { result: items.slice((page - 1) * size, page * size), info: { page, per_page: size, count: items.length, total_count: items.length } };
}

function queried(account: FakeAccount, id: string, { sql }: Record<string, unknown>): FakeAnswer {
  const found = account.database(id);
  if (!found || found.uuid !== id) return refused(404, 7404, "The database could not be found");
  try {
    const text = String(sql).trim();
    if (!/^(?:SELECT|PRAGMA)/i.test(text)) {
      inTransaction(found.sqlite, text);
      return { result: [{ results: [], success: true, meta: { duration: 1 } }] };
    }
    return { result: [{ results: found.sqlite.prepare(text).all(), success: true, meta: { duration: 1 } }] };
  } catch (thrown) {
    return refused(400, 7500, `${thrown instanceof Error ? thrown.message : String(thrown)}: SQLITE_ERROR`);
  }
}

/** As D1 runs several statements of one call: all of them or none. */
function inTransaction(sqlite: DatabaseSync, text: string): void {
  sqlite.exec("BEGIN");
  try {
    sqlite.exec(text);
    sqlite.exec("COMMIT");
  } catch (thrown) {
    if (sqlite.isTransaction) sqlite.exec("ROLLBACK");
    throw thrown;
  }
}

/** A queue has one consumer of another Worker or of ours, never both. */
function consumed(account: FakeAccount, id: string | undefined, consumerId: string | undefined, json: Record<string, unknown>): FakeAnswer {
  const queue = account.queues.find(({ queue_id }) => queue_id === id);
  const {
    type,
    script_name: script,
    dead_letter_queue: dead,
    settings,
  } = json as { type: string; script_name: string; dead_letter_queue?: string; settings: FakeConsumerSettings };
  if (!queue) return refused(404, 11000, "queue not found");
  if (!account.scripts.has(script)) return refused(400, 100_123, "the script does not exist");
  if (dead !== undefined && !account.queue(dead)) return refused(400, 11_014, "the dead-letter queue does not exist");
  const known = queue.consumers.find(({ consumer_id }) => consumer_id === consumerId);
  if (consumerId !== undefined && known?.script !== script) return refused(400, 11_006, "this consumer is another Worker's");
  if (consumerId === undefined && queue.consumers.length > 0) return refused(409, 11_004, "Queue already has a consumer");
  const next = {
    consumer_id: known?.consumer_id ?? hexId(),
    type,
    script,
    settings: { ...settings },
    ...(dead === undefined ? {} : { dead_letter_queue: dead }),
  };
  queue.consumers = [next];
  return { result: next };
}

type FakeConsumerSettings = FakeQueue["consumers"][number]["settings"];

/** Rules are added; two that overlap for one action are refused. */
function ruled(account: FakeAccount, bucket: string, queue: string, json: Record<string, unknown>): FakeAnswer {
  if (!account.queues.some(({ queue_id }) => queue_id === queue)) return refused(404, 11_011, "no such queue");
  const added = (json["rules"] as { prefix?: string; suffix?: string; actions: string[] }[]).map((rule) => ({
    ruleId: hexId(),
    prefix: rule.prefix ?? "",
    suffix: rule.suffix ?? "",
    actions: rule.actions,
  }));
  const others = [...account.rules].filter(([key]) => key.startsWith(`${bucket} `)).flatMap(([, rules]) => rules);
  const overlaps = added.some((rule) =>
    others.some(
      (other) =>
        other.actions.some((action) => rule.actions.includes(action)) && (other.prefix.startsWith(rule.prefix) || rule.prefix.startsWith(other.prefix)),
    ),
  );
  if (overlaps) return refused(400, 11_020, "overlapping rules");
  account.rules.set(`${bucket} ${queue}`, [...(account.rules.get(`${bucket} ${queue}`) ?? []), ...added]);
  return { result: {} };
}
