import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Account, readAccount } from "./account.ts";
import { type Api, ApiRefusal, createApi } from "./api.ts";
import { compare } from "./compare/compare.ts";
import { type Credentials, credentialsIn } from "./credentials.ts";
import { type Finding, finding } from "./finding.ts";
import { completed, idFindings, type Kept, keptFrom, releaseOf } from "./generate.ts";
import { migrationsIn, type Migrations } from "./migrations.ts";
import { type Options, wrongHost } from "./options.ts";
import { explained, NotPermitted } from "./permissions.ts";
import type { Wrangler, WranglerSettings } from "./wrangler.ts";
import { type Given, readSecrets } from "./secrets.ts";
import { type Configuration, missingBindings, readConfiguration, type Wanted, wantedFrom } from "./wanted.ts";

/** Wrong use: nothing was asked of the account, or nothing was changed in it. */
export class Misused extends Error {}

/** Where a run reads and writes. */
export interface Place {
  /** The checkout. */
  root: string;
  /** What is generated; git ignores it. */
  folder: string;
  environment: Readonly<Record<string, string | undefined>>;
  /** What uploads; the project's own wrangler when it is not given. */
  createWrangler?: (settings: WranglerSettings) => Wrangler;
}

/** One run's view: what is wanted, what is given, and how to reach the account. */
export interface Session extends Place {
  options: Options;
  file: Configuration;
  given: Given;
  credentials: Credentials;
  api: Api;
}

/** The account beside what is wanted of it. */
export interface View {
  wanted: Wanted;
  account: Account;
  kept: Kept;
  migrations: Migrations;
  release: string;
  findings: Finding[];
}

/** Reads files and environment, finds the account. Throws Misused or NotPermitted. */
export async function openSession(place: Place, options: Options): Promise<Session> {
  const { root, environment } = place;
  const file = readConfiguration(root);
  const devVars = join(root, ".dev.vars");
  const given = readSecrets({
    file: options.secretsFile,
    environment,
    required: file.secrets?.required ?? [],
    devVars: existsSync(devVars) ? readFileSync(devVars, "utf8") : undefined,
  });
  if ("wrong" in given) throw new Misused(given.wrong);
  const hosts = (given.variables["OWN_HOSTS"] ?? "").split(",").filter((host) => host !== "");
  const badHost = hosts.map((host) => wrongHost(host.trim())).find((wrong) => wrong !== undefined);
  if (badHost) throw new Misused(badHost);
  const wanted = wantedFrom(file, options);
  refuseLocal(wanted);
  const lacking = missingBindings(file, wanted);
  if (lacking.length > 0)
    throw new Misused(`The environment "${options.env}" lacks bindings that production has: ${lacking.join(", ")}. Add them under [env.${options.env}].`);
  const credentials = credentialsIn(environment, options, file);
  if ("wrong" in credentials)
    throw credentials.wrong.startsWith("There is no API token") ? new NotPermitted(credentials.wrong) : new Misused(credentials.wrong);
  const { token, baseUrl } = credentials;
  const accountId = credentials.accountId ?? (await onlyAccount(createApi({ token, baseUrl, accountId: "" })));
  return { ...place, options, file, given, credentials, api: createApi({ token, baseUrl, accountId }) };
}

/** Reads the account and compares. Nothing is changed. */
export async function look({ root, options, file, given, api }: Session): Promise<View> {
  const bare = wantedFrom(file, options);
  const account = await readAccount(api, bare, { withMail: bare.configuration.send_email !== undefined });
  const kept = keptFrom(account);
  const wanted = completed({ wanted: bare, kept, hosts: options.hosts, variables: given.variables });
  const migrations = migrationsIn(root, account.applied ?? [], options.contract);
  const release = releaseOf(root, options.env);
  const comparison = { wanted, account, migrations, release, emailDomain: options.emailDomain, now: Date.now() };
  const findings = [...idFindings(bare), ...compare(comparison)];
  return { wanted, account, kept, migrations, release, findings };
}

function refuseLocal({ configuration }: Wanted): void {
  const local = ["LOCAL", "BOOT_ID", "EMAIL_STUB"].find((name) => configuration.vars?.[name] !== undefined);
  if (local) throw new Misused(`${local} stands in the variables of wrangler.toml. It belongs to a developer's machine and is never deployed.`);
}

async function onlyAccount(api: Api): Promise<string> {
  let accounts: { id: string; name: string }[];
  try {
    accounts = (await api.callRoot("GET", "/accounts?page=1&per_page=50")).result as typeof accounts;
  } catch (thrown) {
    if (thrown instanceof ApiRefusal && thrown.kind === "unauthorized") throw await explained(api, [thrown], 0);
    throw thrown;
  }
  const [only, ...others] = accounts;
  if (only && others.length === 0) return only.id;
  if (!only) throw new NotPermitted("The API token sees no account. Set CLOUDFLARE_ACCOUNT_ID.");
  throw new Misused(
    `The API token sees ${accounts.length} accounts. Set CLOUDFLARE_ACCOUNT_ID to one of: ${accounts.map(({ id, name }) => `${id} (${name})`).join(", ")}.`,
  );
}

/** Nothing below runs on an older one, wrangler included. */
export function nodeFinding(version: string): Finding[] {
  const [major = "0"] = version.split(".");
  return Number(major) >= 22
    ? []
    : [finding("node-too-old", `Node ${version}`, `This is Node ${version}; wrangler needs 22. Start it with npm, which uses the project's own Node.`)];
}
