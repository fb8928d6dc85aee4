import { readFileSync, writeFileSync } from "node:fs";
import { parse, freshSecrets } from "../start/dev-vars.ts";

/** What may stand in the file besides the secrets: settings of one deployment. */
const settings = ["OWN_HOSTS", "PUBLIC_URL", "AI_GATEWAY", "ALERTS_TENANT", "MAX_LEDGER_BYTES", "PACKS"] as const;
/** What belongs to a developer's machine. */
const localOnly = ["LOCAL", "BOOT_ID", "EMAIL_STUB"] as const;

export interface Given {
  /** Secrets by name; those that are not given stay as they are in the account. */
  secrets: Record<string, string>;
  /** Plain variables. */
  variables: Record<string, string>;
}

export interface SecretSources {
  file: string | undefined;
  environment: Readonly<Record<string, string | undefined>>;
  /** Names of the required secrets. */
  required: readonly string[];
  /** The `.dev.vars` of this machine, undefined where there is none: its secrets are not for a deployment. */
  devVars: string | undefined;
}

/** Reads the secrets file (JSON), and of the environment what the file lacks. Values are never printed. */
export function readSecrets({ file, environment, required, devVars }: SecretSources): Given | { wrong: string } {
  const read = file === undefined ? { values: {} } : readFile(file);
  if ("wrong" in read) return read;
  const values: Record<string, string> = { ...fromEnvironment(environment, required), ...read.values };
  const local = localOnly.find((name) => values[name] !== undefined || environment[name]);
  if (local) return { wrong: `${local} belongs to a developer's machine and is never deployed: it opens local addresses to outgoing calls. Take it out.` };
  const known = new Set<string>([...required, ...settings]);
  const strange = Object.keys(values).find((name) => !known.has(name));
  if (strange !== undefined) return { wrong: `"${strange}" in the secrets file is no secret of this Worker: it has ${[...known].join(", ")}.` };
  const development = devVars === undefined ? {} : parse(devVars);
  const weak = required.flatMap((name) => (values[name] === undefined ? [] : (weakness(name, values[name], development[name]) ?? [])));
  if (weak.length > 0) return { wrong: weak.join("\n") };
  const pick = (names: readonly string[]) => Object.fromEntries(names.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])));
  return { secrets: pick(required), variables: pick(settings) };
}

/** Writes fresh secrets to a new file that only its owner reads. Never overwrites one. */
export function makeSecretsFile(file: string): { made: true } | { wrong: string } {
  try {
    writeFileSync(file, `${JSON.stringify(freshSecrets(), null, 2)}\n`, { mode: 0o600, flag: "wx" });
    return { made: true };
  } catch (cause) {
    const exists = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
    return { wrong: exists ? `${file} is there already: give it with --secrets-file.` : `${file} cannot be written: ${String(cause)}.` };
  }
}

function readFile(file: string): { values: Record<string, string> } | { wrong: string } {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    return { wrong: `The secrets file cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.` };
  }
  try {
    const value: unknown = JSON.parse(text);
    const isTable = typeof value === "object" && value !== null && !Array.isArray(value);
    if (isTable && Object.values(value).every((each) => typeof each === "string")) return { values: value as Record<string, string> };
  } catch {
    // Reported below, without the text: it holds secrets.
  }
  return { wrong: `${file} must be a JSON object of texts: {"ROOT_TOKEN": "…", "ID_SECRET": "…", …}.` };
}

function fromEnvironment(environment: SecretSources["environment"], required: readonly string[]): Record<string, string> {
  return Object.fromEntries([...required, ...settings].flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])));
}

const minBytes = 32;

/** Why a secret could be found by trying, or is known already; undefined for a good one. */
export function weakness(name: string, value: string, development?: string): string | undefined {
  if (development !== undefined && value === development) return `${name} is the one of .dev.vars: a deployment needs its own.`;
  if (name.endsWith("_KEYS")) return weakRing(name, value);
  if (!/^[\x21-\x7e]{1,512}$/.test(value)) return `${name} must be visible ASCII characters without spaces, 512 at most.`;
  if (value.length < minBytes) return `${name} is weak: it has ${value.length} characters and needs ${minBytes}, made at random.`;
  return isMonotonous(value) ? `${name} is weak: it is not random. Make one with --make-secrets or openssl rand -hex 32.` : undefined;
}

/** `id:base64[,id:base64…]`, as the Worker reads it. */
function weakRing(name: string, value: string): string | undefined {
  const entries = value.split(",").map((entry) => entry.trim());
  const ids = entries.map((entry) => entry.slice(0, Math.max(0, entry.indexOf(":"))));
  const rule = `it reads "id:base64[,id:base64…]" with ${minBytes} random bytes a key, the active one first.`;
  if (ids.some((id) => !/^[A-Za-z0-9_-]{1,32}$/.test(id))) return `${name} has no id in one of its keys; ${rule}`;
  if (new Set(ids).size < ids.length) return `${name} has two keys with one id; ${rule}`;
  const texts = entries.map((entry) => entry.slice(entry.indexOf(":") + 1));
  if (texts.some((text) => !/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0)) return `${name} has no valid base64 in one of its keys; ${rule}`;
  const keys = texts.map((text) => Buffer.from(text, "base64"));
  if (keys.some((key) => key.length < minBytes)) return `${name} is weak: one of its keys is shorter than ${minBytes} bytes; ${rule}`;
  return keys.some((key) => isMonotonous(key.toString("latin1"))) ? `${name} is weak: one of its keys is not random; ${rule}` : undefined;
}

/** Random texts of 32 characters have more than 8 different ones; words, dates and repeated texts have fewer, repeat, or stand in place of one. */
function isMonotonous(text: string): boolean {
  if (new Set(text).size < 8 || /^(.{1,16})\1+.{0,15}$/s.test(text)) return true;
  return /(?:change-?me|password|secret|example|placeholder)/i.test(text) && !hasRandomPart(text);
}

function hasRandomPart(text: string): boolean {
  return (text.match(/[A-Za-z0-9+/=]{20,}/g) ?? []).some((run) => /\d/.test(run) && new Set(run).size >= 8);
}
