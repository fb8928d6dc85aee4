import { allPages, type Api, type ApiAnswer, ApiRefusal, ifThere } from "./api.ts";
import { explained } from "./permissions.ts";
import type { Wanted } from "./wanted.ts";
import { type MailSubscription, mailEvents, type NotificationRules, uploads } from "./wiring.ts";

export interface AccountConsumer {
  consumer_id: string;
  type: string;
  /** The API names the Worker in one of three fields. */
  script?: string;
  service?: string;
  script_name?: string;
  dead_letter_queue?: string;
  settings?: { batch_size?: number; max_retries?: number; max_wait_time_ms?: number; max_concurrency?: number | null; retry_delay?: number };
}

export interface AccountQueue {
  queue_id: string;
  queue_name: string;
  settings?: { delivery_delay?: number; delivery_paused?: boolean; message_retention_period?: number };
  consumers?: AccountConsumer[];
  jurisdiction?: string | null;
}

export interface Binding {
  type: string;
  name: string;
  text?: string;
  namespace_id?: string;
  id?: string;
  database_id?: string;
  bucket_name?: string;
  queue_name?: string;
  jurisdiction?: string;
  [other: string]: unknown;
}

/** The Worker as it is deployed. */
export interface DeployedWorker {
  bindings: Binding[];
  secrets: string[];
  crons: string[];
  /** When the newest deployment was made, milliseconds. */
  deployedAt: number | undefined;
  /** As the API shows them: compatibility date and flags, limits, observability. */
  settings: Record<string, unknown>;
}

/** What an account holds of what is wanted. */
export interface Account {
  database: { id: string; jurisdiction: string | null } | undefined;
  /** Names of applied migrations; null when the database has tables and no list of migrations. */
  applied: string[] | null;
  /** Ids of namespaces by title. */
  namespaces: Map<string, string>;
  /** Names of the wanted buckets that are there. */
  buckets: Set<string>;
  /** Wanted buckets that lie in another jurisdiction instead. */
  strayBuckets: Set<string>;
  /** Every queue of the account by name. */
  queues: Map<string, AccountQueue>;
  worker: DeployedWorker | undefined;
  /** Rate-limit ids of other environments' Workers. */
  siblingRates: { worker: string; ids: string[] }[];
  rules: NotificationRules | undefined;
  subscriptions: MailSubscription[];
}

/** The Worker that a consumer belongs to; undefined for one that pulls. */
export function ownerOf({ type, script, service, script_name: name }: AccountConsumer): string | undefined {
  return type === "worker" ? (script ?? service ?? name) : undefined;
}

/**
 * Reads everything, changes nothing. Throws NotPermitted with every permission that is missing, ApiRefusal when the API does not answer.
 */
export async function readAccount(api: Api, wanted: Wanted, { withMail }: { withMail: boolean }): Promise<Account> {
  const database = readDatabase(api, wanted);
  const namespaces = allPages<{ id: string; title: string }>(api, "/storage/kv/namespaces", ({ id }) => id);
  const buckets = readBuckets(api, wanted);
  const queues = allPages<AccountQueue>(api, "/queues", ({ queue_name }) => queue_name);
  const worker = readWorker(api, wanted.worker);
  const siblingRates = Promise.all(wanted.siblings.map((name) => readRates(api, name)));
  await allowed(api, [database, namespaces, buckets, queues, worker, ...(wanted.siblings.length > 0 ? [siblingRates] : [])]);
  const [found, there, byName] = [await database, (await buckets).there, new Map((await queues).map((queue) => [queue.queue_name, queue]))];

  const applied = found ? appliedIn(api, found.id) : Promise.resolve([]);
  const rules = readRules(api, wanted, there);
  const sendsMail = withMail || ((await worker)?.bindings ?? []).some(({ type }) => type === "send_email");
  const subscriptions = sendsMail ? readSubscriptions(api, byName.get(mailEvents.queueOf(wanted))?.queue_id) : Promise.resolve([]);
  await allowed(api, [applied, rules, subscriptions]);
  return {
    database: found,
    applied: await applied,
    namespaces: new Map((await namespaces).map(({ id, title }) => [title, id])),
    buckets: there,
    strayBuckets: (await buckets).stray,
    queues: byName,
    worker: await worker,
    siblingRates: await siblingRates,
    rules: await rules,
    subscriptions: await subscriptions,
  };
}

/** Waits for all reads, so that every missing permission is named at once. */
async function allowed(api: Api, reads: readonly Promise<unknown>[]): Promise<void> {
  const settled = await Promise.allSettled(reads);
  const failures = settled.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));
  const refusals = failures.filter((each) => each instanceof ApiRefusal && each.kind === "unauthorized") as ApiRefusal[];
  if (refusals.length > 0) throw await explained(api, refusals, reads.length);
  if (failures.length > 0) throw failures[0];
}

async function readDatabase(api: Api, { database }: Wanted): Promise<Account["database"]> {
  const found = await ifThere(api.call("GET", `/d1/database/${encodeURIComponent(database.name)}`));
  const { uuid, jurisdiction } = (found?.result ?? {}) as { uuid?: string; jurisdiction?: string | null };
  return uuid === undefined ? undefined : { id: uuid, jurisdiction: jurisdiction || null };
}

/** A database without the table of migrations has had none; one that has other tables belongs to another application: null. */
async function appliedIn(api: Api, id: string): Promise<string[] | null> {
  const names = async (sql: string) => {
    const { result } = await api.call("POST", `/d1/database/${id}/query`, { body: { sql }, isRead: true });
    const [first] = result as { results?: { name: string }[] }[];
    return (first?.results ?? []).map(({ name }) => name);
  };
  try {
    return await names("SELECT name FROM d1_migrations ORDER BY id");
  } catch (thrown) {
    if (!(thrown instanceof ApiRefusal) || !/no such table/i.test(thrown.message)) throw thrown;
  }
  const tables = await names("SELECT name FROM sqlite_master WHERE type = 'table'");
  return tables.every((name) => /^(?:sqlite|_cf)_/.test(name)) ? [] : null;
}

async function readBuckets(api: Api, { buckets, jurisdiction }: Wanted): Promise<{ there: Set<string>; stray: Set<string> }> {
  const isThere = async (name: string, where: string) => (await ifThere(api.call("GET", `/r2/buckets/${name}`, r2Headers(where)))) !== undefined;
  const [there, stray] = [new Set<string>(), new Set<string>()];
  for (const { name } of buckets) {
    if (await isThere(name, jurisdiction ?? "default")) there.add(name);
    else if (jurisdiction && (await isThere(name, "default"))) stray.add(name);
  }
  return { there, stray };
}

/** The header that places a bucket; none for anywhere. */
export function r2Headers(jurisdiction: string | undefined): { headers: Record<string, string> } {
  return { headers: jurisdiction === undefined || jurisdiction === "default" ? {} : { "cf-r2-jurisdiction": jurisdiction } };
}

async function readWorker(api: Api, name: string): Promise<DeployedWorker | undefined> {
  const path = `/workers/scripts/${name}`;
  const settings = await ifThere(api.call("GET", `${path}/settings`));
  if (!settings) return undefined;
  const [secrets, schedules, deployments] = await Promise.all(
    ["secrets", "schedules", "deployments"].map((part) => ifThere(api.call("GET", `${path}/${part}`))),
  );
  const created = listIn<{ created_on?: string }>(deployments, "deployments").map(({ created_on: at }) => Date.parse(at ?? ""));
  const newest = Math.max(...created.filter((at) => Number.isFinite(at)));
  const bindings = listIn<Binding>(settings, "bindings");
  const listed = ((secrets?.result ?? []) as { name: string }[]).map((secret) => secret.name);
  const bound = bindings.filter(({ type }) => type === "secret_text").map((secret) => secret.name);
  return {
    bindings,
    secrets: [...new Set([...listed, ...bound])],
    crons: listIn<{ cron: string }>(schedules, "schedules").map(({ cron }) => cron),
    deployedAt: Number.isFinite(newest) ? newest : undefined,
    settings: settings.result as Record<string, unknown>,
  };
}

async function readRates(api: Api, worker: string): Promise<Account["siblingRates"][number]> {
  const settings = await ifThere(api.call("GET", `/workers/scripts/${worker}/settings`));
  const rates = listIn<Binding>(settings, "bindings").filter(({ type }) => type === "ratelimit");
  return { worker, ids: rates.flatMap(({ namespace_id: id }) => id ?? []) };
}

/** R2 answers with an error, not with an empty list, when a bucket has no rule. */
async function readRules(api: Api, wanted: Wanted, buckets: ReadonlySet<string>): Promise<NotificationRules | undefined> {
  const bucket = uploads.bucketOf(wanted);
  if (bucket === undefined || !buckets.has(bucket)) return undefined;
  const found = await ifThere(api.call("GET", `/event_notifications/r2/${bucket}/configuration`, r2Headers(wanted.jurisdiction)));
  return found?.result as NotificationRules | undefined;
}

async function readSubscriptions(api: Api, queueId: string | undefined): Promise<MailSubscription[]> {
  return queueId === undefined ? [] : allPages<MailSubscription>(api, `/event_subscriptions/subscriptions?queue_id=${queueId}`, ({ id }) => id, 20);
}

function listIn<Item>(answer: ApiAnswer | undefined, field: string): Item[] {
  const result = answer?.result;
  const list = typeof result === "object" && result !== null ? (result as Record<string, unknown>)[field] : undefined;
  return Array.isArray(list) ? (list as Item[]) : [];
}
