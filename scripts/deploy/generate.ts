import { createHash } from "node:crypto";
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Account } from "./account.ts";
import { type Finding, finding } from "./finding.ts";
import { type Configuration, type Wanted } from "./wanted.ts";

/** What belongs to a developer's machine and is not carried over from a deployed Worker either. */
const notKept = new Set(["LOCAL", "BOOT_ID", "EMAIL_STUB", "ENVIRONMENT", "JURISDICTION", "RELEASE"]);

/** What is set for one deployment and stays when a later run does not name it. */
export interface Kept {
  variables: Record<string, string>;
  email: Record<string, unknown>[];
  ai: { binding: string } | undefined;
}

/** Variables, the binding for mail and that for models, as the deployed Worker has them. */
export function keptFrom({ worker }: Pick<Account, "worker">): Kept {
  const bindings = worker?.bindings ?? [];
  const texts = bindings.filter(({ type, name, text }) => type === "plain_text" && text !== undefined && !notKept.has(name));
  return {
    variables: Object.fromEntries(texts.map(({ name, text = "" }) => [name, text])),
    email: bindings.filter(({ type }) => type === "send_email").map(({ type: _type, ...rest }) => rest),
    ai: bindings.filter(({ type }) => type === "ai").map(({ name }) => ({ binding: name }))[0],
  };
}

export interface Chosen {
  wanted: Wanted;
  kept: Kept;
  hosts: readonly string[];
  /** From the secrets file. */
  variables: Readonly<Record<string, string>>;
}

/** The wanted configuration with what is kept and chosen; options of this run go before what the Worker has. */
export function completed({ wanted, kept, hosts, variables }: Chosen): Wanted {
  const { configuration } = wanted;
  const own = hosts.length > 0 ? { OWN_HOSTS: hosts.join(",") } : {};
  const mail = configuration.send_email ?? kept.email;
  const ai = configuration.ai ?? kept.ai;
  const whole: Configuration = {
    ...configuration,
    vars: { ...kept.variables, ...configuration.vars, ...variables, ...own },
    ...(mail.length > 0 ? { send_email: mail as { name: string }[] } : {}),
    ...(ai ? { ai } : {}),
  };
  return { ...wanted, configuration: whole };
}

/** Names under which the Worker will be reached; none when OWN_HOSTS is not set. */
export function hostsIn({ configuration }: Wanted): string[] {
  const hosts = configuration.vars?.["OWN_HOSTS"];
  return typeof hosts === "string"
    ? hosts
        .split(",")
        .map((host) => host.trim())
        .filter((host) => host !== "")
    : [];
}

/** Ids that stand in wrangler.toml count as given and are uploaded as they are: only those of real resources may. */
export function idFindings({ configuration }: Wanted): Finding[] {
  const ids = [
    ...configuration.d1_databases.map(({ binding, database_id: id }) => [binding, id]),
    ...configuration.kv_namespaces.map(({ binding, id }) => [binding, id]),
  ];
  return ids
    .filter(([, id]) => id !== undefined)
    .map(([binding = "", id]) =>
      finding("binding-nil-id", binding, `wrangler.toml gives ${binding} the id ${id}. Take it out: resources are found by their names.`),
    );
}

export interface Generating {
  /** Crons of the account that stay. */
  extraCrons: readonly string[];
  release: string;
  root: string;
  folder: string;
}

/** The configuration that is handed to wrangler: every id is that of a resource that was looked up, and paths are as seen from its folder. */
export function withIds(
  { configuration, namespaces, crons }: Wanted,
  account: Account,
  { extraCrons, release, root, folder }: Generating,
): Record<string, unknown> {
  const [database] = configuration.d1_databases;
  return {
    ...configuration,
    main: relative(folder, join(root, configuration.main)),
    triggers: { ...configuration.triggers, crons: [...crons, ...extraCrons] },
    vars: { ...configuration.vars, RELEASE: release },
    d1_databases: [{ ...database, database_id: account.database?.id, migrations_dir: `migrations-${configuration.name}` }],
    kv_namespaces: namespaces.map(({ binding, title }) => ({ binding, id: account.namespaces.get(title) })),
  };
}

/** Writes the configuration into the folder that git ignores. @returns Its path. */
export function write(folder: string, env: string, content: Record<string, unknown>): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `wrangler.${env}.json`);
  writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`);
  return path;
}

/** A hash of all that makes the Worker of an environment what it is, but for variables and secrets, which are compared by themselves. */
export function releaseOf(root: string, env: string): string {
  const hash = createHash("sha256").update(env);
  const files = globSync("src/**/*", { cwd: root, withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []));
  for (const path of [...files.toSorted(), ...["package-lock.json", "wrangler.toml"].map((name) => join(root, name))]) {
    hash.update(path.slice(root.length)).update(readFileSync(path));
  }
  return hash.digest("hex").slice(0, 16);
}
