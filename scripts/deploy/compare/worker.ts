import type { Account, Binding } from "../account.ts";
import { type Finding, finding } from "../finding.ts";
import type { Wanted } from "../wanted.ts";
import type { Comparison } from "./comparison.ts";
import { settingFindings } from "./settings.ts";

/** Seconds for which Durable Objects may still run the code before. */
const updateTime = 300;

export function workerFindings({ wanted, account: { worker, database, namespaces }, release, now }: Comparison): Finding[] {
  const { worker: name } = wanted;
  if (!worker) return [finding("worker-missing", name, `The Worker "${name}" is not deployed.`), ...wanted.secrets.map(missingSecret)];
  const { bindings } = worker;
  if (!bindings.some(({ name: binding }) => binding === wanted.database.binding || binding === "GATE")) {
    return [
      finding(
        "worker-foreign",
        name,
        `The Worker "${name}" is another one: it has neither of the bindings ${wanted.database.binding} and GATE. Deploy under another --env, or another name in wrangler.toml.`,
      ),
    ];
  }
  const text = (variable: string) => bindings.find((each) => each.name === variable && each.type === "plain_text")?.text;
  const since = worker.deployedAt === undefined ? Infinity : (now - worker.deployedAt) / 1000;
  const differing = wantedBindings(wanted, { databaseId: database?.id, namespaces }).flatMap((each) => bindingFinding(bindings, each));
  const pending = `It was deployed ${Math.round(since)} s ago; until ${updateTime} s after a deploy, Durable Objects may run the version before.`;
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
    ...settingFindings(wanted, worker),
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
  return finding(
    "secret-missing",
    secret,
    `The secret ${secret} is not set. Give it in --secrets-file or in the environment, or make all secrets with --make-secrets.`,
  );
}

export function extraCrons(wanted: Wanted, crons: readonly string[]): string[] {
  return crons.filter((cron) => !wanted.crons.includes(cron));
}

interface WantedBinding {
  name: string;
  /** What the account's binding must hold of the resource; undefined where its name and kind are all there is. */
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
  const bound = is?.(found);
  if (bound !== undefined && /^[0-]+$/.test(bound))
    return [finding("binding-nil-id", name, `${name} is bound to the id ${bound}, which is no resource. Deploy again.`, "warning")];
  if (should === undefined || bound === undefined || bound === should) return [];
  return [finding("binding-missing", name, `${name} is bound to ${bound} instead of ${should}.`)];
}

/** Ids of rate limits that the Worker of another environment uses too. */
export function rateFindings({ configuration: { ratelimits = [] } }: Wanted, { siblingRates }: Account): Finding[] {
  return siblingRates.flatMap(({ worker, ids }) =>
    ratelimits
      .filter(({ namespace_id: id }) => ids.includes(id))
      .map(({ name, namespace_id: id }) =>
        finding("ratelimit-shared", name, `${name} has the id ${id}, and so has the Worker "${worker}": they would share their counters.`),
      ),
  );
}
