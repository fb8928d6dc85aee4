import { parseArgs } from "node:util";

/** The environment without a name of its own: its resources carry no suffix. */
export const production = "production";

export const jurisdictions = ["eu", "us", "fedramp"] as const;
export type Jurisdiction = (typeof jurisdictions)[number];

/** The options of one run of `deploy` or `doctor`, from its command line. */
export interface Options {
  env: string;
  /** Only prints what would be done. */
  plan: boolean;
  json: boolean;
  /** Removes our consumers and crons that the configuration no longer has. */
  prune: boolean;
  /** Applies migrations that are marked `-- contract`. */
  contract: boolean;
  /** Uploads although payloads of open jobs do not fit the new contracts. */
  acceptBroken: boolean;
  jurisdiction: Jurisdiction | undefined;
  /** Names under which the Worker answers; the first is the one that links point to. */
  hosts: string[];
  /** Where the running Worker is asked for payloads; default: https and its first host. */
  url: string | undefined;
  /** A sending domain of Cloudflare Email Service: adds the binding EMAIL and the event subscription. */
  emailDomain: string | undefined;
  zoneId: string | undefined;
  /** Adds the binding AI. */
  ai: boolean;
  secretsFile: string | undefined;
  /** Where fresh secrets are written before the first deploy. */
  makeSecrets: string | undefined;
  tokenFile: string | undefined;
}

export const usage = `Usage: npm run deploy -- [--env NAME] [--plan] [--json] [--host NAME[,NAME]] [--secrets-file FILE | --make-secrets FILE]
         [--jurisdiction ${jurisdictions.join("|")}] [--email-domain DOMAIN [--zone-id ID]] [--ai] [--url URL] [--token-file FILE]
         [--prune] [--contract] [--accept-broken-payloads]
       npm run doctor -- [--env NAME] [--json] [--jurisdiction …] [--email-domain DOMAIN] [--token-file FILE]
The account: CLOUDFLARE_API_TOKEN (or --token-file, CLOUDFLARE_API_TOKEN_FILE) and CLOUDFLARE_ACCOUNT_ID.`;

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;

/** Reads the command line; a wrong one is a sentence that names what is wrong. */
export function readOptions(words: readonly string[]): Options | { wrong: string } {
  const parsed = parsedFrom(words);
  if ("wrong" in parsed) return parsed;
  const env = parsed.env ?? production;
  const hosts = (parsed.host ?? []).flatMap((each) => each.split(",")).map((host) => host.trim().toLowerCase());
  const { jurisdiction, url } = parsed;
  const wrong = wrongEnv(env) ?? hosts.map(wrongHost).find((each) => each !== undefined) ?? wrongUrl(url) ?? wrongDomain(parsed["email-domain"]);
  if (wrong) return { wrong };
  if (jurisdiction !== undefined && !isJurisdiction(jurisdiction)) return { wrong: `--jurisdiction must be one of ${jurisdictions.join(", ")}.` };
  if (parsed["secrets-file"] !== undefined && parsed["make-secrets"] !== undefined) return { wrong: "Give --secrets-file or --make-secrets, not both." };
  return {
    env,
    plan: parsed.plan ?? false,
    json: parsed.json ?? false,
    prune: parsed.prune ?? false,
    contract: parsed.contract ?? false,
    acceptBroken: parsed["accept-broken-payloads"] ?? false,
    jurisdiction,
    hosts: [...new Set(hosts)],
    url,
    emailDomain: parsed["email-domain"]?.toLowerCase(),
    zoneId: parsed["zone-id"],
    ai: parsed.ai ?? false,
    secretsFile: parsed["secrets-file"],
    makeSecrets: parsed["make-secrets"],
    tokenFile: parsed["token-file"],
  };
}

function parsedFrom(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        ...{ env: text, jurisdiction: text, url: text, host: { type: "string", multiple: true } as const },
        ...{ "email-domain": text, "zone-id": text, "secrets-file": text, "make-secrets": text, "token-file": text },
        ...{ plan: flag, json: flag, prune: flag, contract: flag, ai: flag, "accept-broken-payloads": flag },
      },
    }).values;
  } catch (cause) {
    return { wrong: cause instanceof Error ? cause.message : String(cause) };
  }
}

/** Names of queues and buckets have 63 characters at most, the suffix included. */
function wrongEnv(env: string): string | undefined {
  if (/^[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?$/.test(env)) return undefined;
  return "--env must be 1 to 30 of the characters a-z, 0-9 and -, begin with a letter and not end with -: it becomes part of the resources' names.";
}

const domain = /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Undefined for a name under which a Worker may be reached from outside. */
export function wrongHost(host: string): string | undefined {
  if (domain.test(host) && !/(?:^|\.)(?:localhost|local|internal)$/.test(host)) return undefined;
  return `"${host}" is no public host name: give --host the name alone, as jobs.example.com, without https:// and port.`;
}

function wrongDomain(name: string | undefined): string | undefined {
  return name === undefined || domain.test(name.toLowerCase()) ? undefined : "--email-domain must be a domain, as mail.example.com.";
}

/** The root token travels there: encrypted, or not at all beyond this machine. */
function wrongUrl(address: string | undefined): string | undefined {
  if (address === undefined) return undefined;
  const url = URL.parse(address);
  if (url && (url.protocol === "https:" || (url.protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname)))) return undefined;
  return "--url must begin with https://; http:// only for this machine.";
}

function isJurisdiction(name: string): name is Jurisdiction {
  return (jurisdictions as readonly string[]).includes(name);
}
