import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { type Jurisdiction, type Options, production } from "./options.ts";

export interface Consumer {
  queue: string;
  max_batch_size?: number;
  max_batch_timeout?: number;
  max_retries?: number;
  max_concurrency?: number;
  retry_delay?: number;
  dead_letter_queue?: string;
}

/** wrangler.toml as far as it is read here; whatever else stands there is passed on. */
export interface Configuration {
  name: string;
  main: string;
  account_id?: string;
  vars?: Record<string, unknown>;
  triggers?: { crons?: string[] };
  d1_databases: { binding: string; database_name: string; database_id?: string; migrations_dir?: string }[];
  kv_namespaces: { binding: string; id?: string }[];
  r2_buckets: { binding: string; bucket_name: string; jurisdiction?: string }[];
  queues: { producers: { binding: string; queue: string }[]; consumers: Consumer[] };
  analytics_engine_datasets?: { binding: string; dataset?: string }[];
  ratelimits?: { name: string; namespace_id: string }[];
  durable_objects?: { bindings: { name: string; class_name: string }[] };
  send_email?: { name: string }[];
  ai?: { binding: string };
  images?: { binding: string };
  version_metadata?: { binding: string };
  secrets?: { required?: string[] };
  env?: Record<string, Record<string, unknown>>;
  [other: string]: unknown;
}

/** What shall be in the account: names, no ids yet. */
export interface Wanted {
  env: string;
  worker: string;
  jurisdiction: Jurisdiction | undefined;
  database: { binding: string; name: string };
  namespaces: { binding: string; title: string }[];
  buckets: { binding: string; name: string }[];
  /** Every queue: of producers, of consumers, and where dead letters go. */
  queues: string[];
  consumers: Consumer[];
  crons: string[];
  secrets: string[];
  configuration: Configuration;
  /** Workers of other environments, whose counters must not be shared. */
  siblings: string[];
}

/** Reads wrangler.toml. Throws when it does not hold what a deploy stands on. */
export function readConfiguration(root: string): Configuration {
  const configuration = parse(readFileSync(join(root, "wrangler.toml"), "utf8")) as unknown as Configuration;
  const needed = ["name", "main", "d1_databases", "kv_namespaces", "r2_buckets", "queues"].filter((key) => configuration[key] === undefined);
  if (needed.length > 0) throw new Error(`wrangler.toml lacks ${needed.join(", ")}.`);
  return configuration;
}

/** The configuration of one environment with the names its resources have. */
export function wantedFrom(file: Configuration, options: Pick<Options, "env" | "jurisdiction" | "emailDomain" | "ai">): Wanted {
  const { env, jurisdiction } = options;
  const { env: environments = {}, ...top } = file;
  const configuration = named(overlaid(top as Configuration, { ...environments[env], ...bindingsOf(options) }), env, jurisdiction);
  const { producers, consumers } = configuration.queues;
  const [database, ...others] = configuration.d1_databases;
  if (!database || others.length > 0) throw new Error(`wrangler.toml must have one D1 database, and has ${others.length + (database ? 1 : 0)}.`);
  return {
    env,
    worker: configuration.name,
    jurisdiction,
    database: { binding: database.binding, name: database.database_name },
    namespaces: configuration.kv_namespaces.map(({ binding }) => ({
      binding,
      title: suffixed(`${file.name}-${binding.toLowerCase().replaceAll("_", "-")}`, env),
    })),
    buckets: configuration.r2_buckets.map(({ binding, bucket_name }) => ({ binding, name: bucket_name })),
    queues: [...new Set([...producers, ...consumers].map(({ queue }) => queue).concat(consumers.flatMap((each) => each.dead_letter_queue ?? [])))],
    consumers,
    crons: configuration.triggers?.crons ?? [],
    secrets: configuration.secrets?.required ?? [],
    configuration,
    siblings: [...new Set([production, ...Object.keys(environments)])].filter((other) => other !== env).map((other) => suffixed(file.name, other)),
  };
}

/** Bindings that production has and the environment would lack. */
export function missingBindings(file: Configuration, wanted: Wanted): string[] {
  const production = bindingNames(wantedFrom(file, { env: "production", jurisdiction: undefined, emailDomain: undefined, ai: false }).configuration);
  const here = new Set(bindingNames(wanted.configuration));
  return production.filter((name) => !here.has(name));
}

/** Names of all bindings but variables and secrets. */
export function bindingNames({
  queues,
  durable_objects: objects,
  ratelimits = [],
  send_email: mail = [],
  ai,
  images,
  version_metadata: version,
  ...rest
}: Configuration): string[] {
  const listed = [...rest.d1_databases, ...rest.kv_namespaces, ...rest.r2_buckets, ...queues.producers, ...(rest.analytics_engine_datasets ?? [])];
  const single = [ai, images, version].flatMap((each) => each?.binding ?? []);
  return [...listed.map(({ binding }) => binding), ...single, ...[...(objects?.bindings ?? []), ...ratelimits, ...mail].map(({ name }) => name)];
}

function bindingsOf({ emailDomain, ai }: Pick<Options, "emailDomain" | "ai">): Record<string, unknown> {
  return { ...(emailDomain === undefined ? {} : { send_email: [{ name: "EMAIL" }] }), ...(ai ? { ai: { binding: "AI" } } : {}) };
}

/** What an environment adds: tables are merged, lists are added to (an entry of the same name is replaced), anything else is replaced. */
export function overlaid(top: Configuration, more: Record<string, unknown>): Configuration {
  return merged(top, more) as Configuration;
}

function merged(before: unknown, more: unknown): unknown {
  if (Array.isArray(before) && Array.isArray(more)) return joined(before, more);
  if (!isTable(before) || !isTable(more)) return more;
  return { ...before, ...Object.fromEntries(Object.entries(more).map(([key, value]) => [key, merged(before[key], value)])) };
}

function joined(before: readonly unknown[], more: readonly unknown[]): unknown[] {
  const names = new Set(more.map(nameOf));
  return [...before.filter((item) => !names.has(nameOf(item))), ...more];
}

/** By what an entry is known: a binding, a consumer by its queue, a text by itself. */
function nameOf(item: unknown): unknown {
  return isTable(item) ? (item["binding"] ?? item["name"] ?? item["queue"] ?? item["tag"] ?? item) : item;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function named(top: Configuration, env: string, jurisdiction: Jurisdiction | undefined): Configuration {
  const { queues, analytics_engine_datasets: datasets = [], ratelimits = [] } = top;
  const offset = offsetOf(env);
  return {
    ...top,
    name: suffixed(top.name, env),
    d1_databases: top.d1_databases.map((each) => ({ ...each, database_name: suffixed(each.database_name, env) })),
    r2_buckets: top.r2_buckets.map((each) => ({ ...each, bucket_name: suffixed(each.bucket_name, env), ...(jurisdiction ? { jurisdiction } : {}) })),
    queues: {
      producers: queues.producers.map((each) => ({ ...each, queue: suffixed(each.queue, env) })),
      consumers: queues.consumers.map(({ dead_letter_queue: dead, ...each }) => ({
        ...each,
        queue: suffixed(each.queue, env),
        ...(dead === undefined ? {} : { dead_letter_queue: suffixed(dead, env) }),
      })),
    },
    analytics_engine_datasets: datasets.map((each) => ({ ...each, dataset: suffixed(each.dataset ?? top.name, env).replaceAll("-", "_") })),
    ratelimits: ratelimits.map((each) => ({ ...each, namespace_id: String(Number(each.namespace_id) + offset) })),
    vars: { ...top.vars, ...(env === production ? {} : { ENVIRONMENT: env }), ...(jurisdiction ? { JURISDICTION: jurisdiction } : {}) },
  };
}

function suffixed(name: string, env: string): string {
  return env === production ? name : `${name}-${env}`;
}

/** Two Workers of one account that use the same id share the counters. */
function offsetOf(env: string): number {
  if (env === production) return 0;
  const hash = [...env].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 90_000, 7);
  return 10_000 * (hash + 1);
}
