import { type Account, type AccountConsumer, type AccountQueue, type Binding, ownerOf } from "./account.ts";
import { type Finding, finding } from "./finding.ts";
import { hostsIn } from "./generate.ts";
import type { Migrations } from "./migrations.ts";
import { type Consumer, type Wanted } from "./wanted.ts";
import { mailEvents, ruleState, subscriptionState, uploads } from "./wiring.ts";

export interface Comparison {
  wanted: Wanted;
  account: Account;
  migrations: Migrations;
  /** A hash of what would be deployed; undefined where nobody asks. */
  release: string | undefined;
  emailDomain: string | undefined;
  now: number;
}

/** Seconds for which Durable Objects may still run the code before. */
const updateTime = 300;
/** Seconds: the ledger keeps ended jobs for five days, and a late copy must find its row. */
const longestRetention = 5 * 24 * 3600;

/** Everything in which configuration and account do not agree. Reads nothing. */
export function compare(comparison: Comparison): Finding[] {
  const { wanted, account } = comparison;
  const nowhere = "Nothing says under which names the Worker is reached. Deploy with --host: tenants must not be able to point calls back at it.";
  return [
    ...(hostsIn(wanted).length === 0 ? [finding("host-missing", "OWN_HOSTS", nowhere)] : []),
    ...databaseFindings(comparison),
    ...storageFindings(wanted, account),
    ...wanted.queues.flatMap((name) => queueFindings(wanted, account.queues.get(name), name)),
    ...extraConsumers(wanted, account).map(({ queue }) =>
      finding(
        "consumer-extra",
        queue.queue_name,
        `${wanted.worker} consumes ${queue.queue_name}, which the configuration does not name. --prune detaches it.`,
        "warning",
      ),
    ),
    ...workerFindings(comparison),
    ...wiringFindings(comparison),
    ...rateFindings(wanted, account),
  ];
}

function databaseFindings({ wanted, account: { database }, migrations }: Comparison): Finding[] {
  const { name } = wanted.database;
  if (!database) return [finding("database-missing", name, `There is no D1 database "${name}".`)];
  const where = wanted.jurisdiction ?? null;
  const place = (each: string | null) => each ?? "no jurisdiction";
  const remedy = database.jurisdiction ? `Give --jurisdiction ${database.jurisdiction}, or another --env.` : "Leave --jurisdiction out, or give another --env.";
  const wrong = `The D1 database "${name}" lies in ${place(database.jurisdiction)}, not in ${place(where)}, and cannot be moved. ${remedy}`;
  const missing = migrations.pending.map((each) => finding("migration-pending", each, `The migration ${each} is not applied to "${name}".`));
  const held = migrations.held.map((each) =>
    finding(
      "migration-pending",
      each,
      `${each} takes something away that the version before may still use. Apply it with --contract once that version is gone.`,
      "note",
    ),
  );
  const ahead = migrations.unknown.map((each) =>
    finding("migration-unknown", each, `"${name}" has the migration ${each}, which is not in this checkout: it is an older one.`, "warning"),
  );
  return [...(database.jurisdiction === where ? [] : [finding("jurisdiction-differs", name, wrong)]), ...missing, ...held, ...ahead];
}

function storageFindings({ namespaces, buckets, jurisdiction }: Wanted, account: Account): Finding[] {
  const titles = namespaces.filter(({ title }) => !account.namespaces.has(title));
  const names = buckets.filter(({ name }) => !account.buckets.has(name));
  return [
    ...titles.map(({ title }) => finding("storage-missing", title, `There is no KV namespace "${title}".`)),
    ...names.map(({ name }) =>
      account.strayBuckets.has(name)
        ? finding(
            "jurisdiction-differs",
            name,
            `The R2 bucket "${name}" lies in no jurisdiction, not in ${jurisdiction}. Leave --jurisdiction out, or give another --env.`,
          )
        : finding("storage-missing", name, `There is no R2 bucket "${name}".`),
    ),
  ];
}

function queueFindings(wanted: Wanted, queue: AccountQueue | undefined, name: string): Finding[] {
  const consumer = wanted.consumers.find((each) => each.queue === name);
  if (!queue) {
    const isDeadLetters = wanted.consumers.some((each) => each.dead_letter_queue === name);
    return [finding(isDeadLetters ? "dlq-missing" : "queue-missing", name, `There is no queue "${name}".`)];
  }
  const { delivery_paused: paused, message_retention_period: kept = 0 } = queue.settings ?? {};
  const late = `Its messages are kept for ${kept} s; ended jobs for five days only, so a late copy could run once more. At most ${longestRetention} s are safe.`;
  const place = queue.jurisdiction;
  return [
    ...(paused ? [finding("queue-paused", name, `Delivery of "${name}" is paused in Cloudflare.`, "warning")] : []),
    ...(kept > longestRetention ? [finding("queue-setting", name, late, "warning")] : []),
    ...(place !== undefined && (place || null) !== (wanted.jurisdiction ?? null)
      ? [
          finding(
            "jurisdiction-differs",
            name,
            `The queue "${name}" lies in ${place || "no jurisdiction"}, not in ${wanted.jurisdiction ?? "no jurisdiction"}.`,
          ),
        ]
      : []),
    ...(consumer ? consumerFindings(wanted, queue, consumer) : []),
  ];
}

function consumerFindings({ worker }: Wanted, { queue_name: name, consumers = [] }: AccountQueue, wanted: Consumer): Finding[] {
  const foreign = consumers.filter((each) => ownerOf(each) !== worker);
  if (foreign.length > 0) {
    const whose = [...new Set(foreign.map((each) => (ownerOf(each) === undefined ? `a consumer of type ${each.type}` : `the Worker "${ownerOf(each)}"`)))].join(
      ", ",
    );
    return [finding("consumer-foreign", name, `The queue "${name}" is consumed by ${whose}. Detach that consumer, or deploy under another --env.`)];
  }
  const ours = consumers.find((each) => ownerOf(each) === worker);
  if (!ours) return [finding("consumer-missing", name, `"${worker}" does not consume "${name}".`)];
  const differences = settingsThatDiffer(wanted, ours);
  const sentence = `The consumer of "${name}" has ${differences.map(({ field, is, should }) => `${field} ${is ?? "unset"} instead of ${should}`).join(", ")}.`;
  return differences.length === 0 ? [] : [finding("queue-setting", name, sentence)];
}

function settingsThatDiffer(wanted: Consumer, { settings = {}, dead_letter_queue: dead }: AccountConsumer): { field: string; is: unknown; should: unknown }[] {
  const wait = wanted.max_batch_timeout === undefined ? undefined : wanted.max_batch_timeout * 1000;
  const pairs = [
    { field: "batch_size", is: settings.batch_size, should: wanted.max_batch_size },
    { field: "max_retries", is: settings.max_retries, should: wanted.max_retries },
    { field: "max_wait_time_ms", is: settings.max_wait_time_ms, should: wait },
    { field: "retry_delay", is: settings.retry_delay, should: wanted.retry_delay },
    { field: "max_concurrency", is: settings.max_concurrency, should: wanted.max_concurrency },
    { field: "dead_letter_queue", is: dead || undefined, should: wanted.dead_letter_queue },
  ];
  return pairs.filter(({ is, should }) => should !== undefined && is !== should);
}

/** Consumers of our Worker on queues that the configuration does not consume; those of others are never looked at. */
export function extraConsumers(wanted: Wanted, account: Account): { queue: AccountQueue; consumer: AccountConsumer }[] {
  const consumed = new Set(wanted.consumers.map(({ queue }) => queue));
  const others = [...account.queues.values()].filter((queue) => !consumed.has(queue.queue_name));
  return others.flatMap((queue) => (queue.consumers ?? []).filter((each) => ownerOf(each) === wanted.worker).map((consumer) => ({ queue, consumer })));
}

function workerFindings({ wanted, account: { worker, database, namespaces }, release, now }: Comparison): Finding[] {
  const { worker: name } = wanted;
  if (!worker) return [finding("worker-missing", name, `The Worker "${name}" is not deployed.`), ...wanted.secrets.map(missingSecret)];
  const { bindings } = worker;
  const text = (variable: string) => bindings.find((each) => each.name === variable && each.type === "plain_text")?.text;
  const since = worker.deployedAt === undefined ? Infinity : (now - worker.deployedAt) / 1000;
  const differing = wantedBindings(wanted, { databaseId: database?.id, namespaces }).flatMap((each) => bindingFinding(bindings, each));
  const pending = `It was deployed ${Math.round(since)} s ago; Durable Objects may run the version before for ${updateTime} s.`;
  return [
    ...differing,
    ...wanted.secrets.filter((secret) => !worker.secrets.includes(secret)).map(missingSecret),
    ...wanted.crons.filter((cron) => !worker.crons.includes(cron)).map((cron) => finding("cron-missing", cron, `The cron "${cron}" does not fire.`)),
    ...extraCrons(wanted, worker.crons).map((cron) =>
      finding("cron-extra", cron, `The cron "${cron}" fires, and the configuration does not name it. --prune removes it.`, "warning"),
    ),
    ...(bindings.some((each) => each.name === "LOCAL")
      ? [finding("local-set", "LOCAL", "LOCAL is set on the deployed Worker: it opens local addresses to outgoing calls.")]
      : []),
    ...differentVariables(wanted, text),
    ...(release !== undefined && text("RELEASE") !== release
      ? [finding("worker-outdated", name, "The deployed Worker was made from another state of this checkout.")]
      : []),
    ...(since < updateTime ? [finding("do-update-pending", name, pending, "note")] : []),
  ];
}

function differentVariables({ configuration }: Wanted, text: (variable: string) => string | undefined): Finding[] {
  return Object.entries(configuration.vars ?? {})
    .filter(([name, should]) => text(name) !== should)
    .map(([name, should]) =>
      finding("variable-differs", name, `The variable ${name} is ${JSON.stringify(text(name) ?? null)} instead of ${JSON.stringify(should)}.`),
    );
}

function missingSecret(secret: string): Finding {
  return finding("secret-missing", secret, `The secret ${secret} is not set. Give it in --secrets-file, or in the environment.`);
}

export function extraCrons(wanted: Wanted, crons: readonly string[]): string[] {
  return crons.filter((cron) => !wanted.crons.includes(cron));
}

interface WantedBinding {
  name: string;
  /** What the account's binding must say of the resource; undefined where its name and kind are all there is. */
  is?: (binding: Binding) => string | undefined;
  should?: string | undefined;
}

function wantedBindings(
  wanted: Wanted,
  { databaseId, namespaces }: { databaseId: string | undefined; namespaces: ReadonlyMap<string, string> },
): WantedBinding[] {
  const {
    queues,
    r2_buckets: buckets,
    ratelimits = [],
    durable_objects: objects,
    analytics_engine_datasets: datasets = [],
    send_email: mail = [],
    ai,
    images,
  } = wanted.configuration;
  return [
    { name: wanted.database.binding, is: ({ database_id: named, id }) => named ?? id, should: databaseId },
    ...wanted.namespaces.map(({ binding, title }) => ({ name: binding, is: ({ namespace_id: id }: Binding) => id, should: namespaces.get(title) })),
    ...buckets.map(({ binding, bucket_name: should }) => ({ name: binding, is: (each: Binding) => each.bucket_name, should })),
    ...queues.producers.map(({ binding, queue: should }) => ({ name: binding, is: (each: Binding) => each.queue_name, should })),
    ...ratelimits.map(({ name, namespace_id: should }) => ({ name, is: (each: Binding) => each.namespace_id, should })),
    ...[...(objects?.bindings ?? []), ...mail].map(({ name }) => ({ name })),
    ...[...datasets, ...(ai ? [ai] : []), ...(images ? [images] : [])].map(({ binding }) => ({ name: binding })),
  ];
}

function bindingFinding(bindings: readonly Binding[], { name, is, should }: WantedBinding): Finding[] {
  const found = bindings.find((each) => each.name === name);
  if (!found) return [finding("binding-missing", name, `The deployed Worker has no binding ${name}.`)];
  const said = is?.(found);
  if (said !== undefined && /^[0-]+$/.test(said))
    return [finding("binding-nil-id", name, `${name} is bound to the id ${said}, which is no resource. Deploy again.`, "warning")];
  if (should === undefined || said === undefined || said === should) return [];
  return [finding("binding-missing", name, `${name} is bound to ${said} instead of ${should}.`)];
}

function wiringFindings({ wanted, account, emailDomain }: Comparison): Finding[] {
  const bucket = uploads.bucketOf(wanted) ?? "";
  const { missing, overlapping } = ruleState(account.rules, uploads.queueOf(wanted));
  const rule =
    overlapping.length > 0
      ? [
          finding(
            "rule-overlap",
            bucket,
            `The bucket "${bucket}" has notification rules that stand in the way: ${overlapping.join("; ")}. Remove them: R2 refuses two rules for one action.`,
          ),
        ]
      : missing.length > 0
        ? [finding("rule-missing", bucket, `The bucket "${bucket}" does not report ${missing.join(", ")} to the queue "${uploads.queueOf(wanted)}".`)]
        : [];
  return [...rule, ...subscriptionFindings(wanted, account, emailDomain)];
}

function subscriptionFindings(wanted: Wanted, account: Account, emailDomain: string | undefined): Finding[] {
  const hasMail = (wanted.configuration.send_email ?? []).length > 0 || (account.worker?.bindings ?? []).some(({ type }) => type === "send_email");
  if (!hasMail) return [];
  const queue = mailEvents.queueOf(wanted);
  const { found, missing } = subscriptionState(account.subscriptions, account.queues.get(queue)?.queue_id, emailDomain);
  if (found?.enabled && missing.length === 0) return [];
  const what = !found
    ? "There is no event subscription"
    : found.enabled
      ? `The event subscription lacks ${missing.join(", ")} and does not bring all it should`
      : "The event subscription is off";
  const sentence = `${what} from Email Sending${emailDomain ? ` for ${emailDomain}` : ""} to the queue "${queue}": bounces and complaints do not arrive. Deploy with --email-domain.`;
  return [finding("subscription-missing", queue, sentence, emailDomain ? "error" : "warning")];
}

function rateFindings({ configuration: { ratelimits = [] } }: Wanted, { siblingRates }: Account): Finding[] {
  return siblingRates.flatMap(({ worker, ids }) =>
    ratelimits
      .filter(({ namespace_id: id }) => ids.includes(id))
      .map(({ name, namespace_id: id }) =>
        finding("ratelimit-shared", name, `${name} has the id ${id}, and so has the Worker "${worker}": they would share their counters.`),
      ),
  );
}
