import { randomBytes } from "node:crypto";
import { chmodSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

/** The Worker's secrets on this machine. */
export interface Secrets {
  ROOT_TOKEN: string;
  ID_SECRET: string;
  SIGNING_KEYS: string;
  ENCRYPTION_KEYS: string;
}

const fresh: Record<keyof Secrets, () => string> = {
  ROOT_TOKEN: () => `root_${randomBytes(32).toString("base64url")}`,
  ID_SECRET: () => randomBytes(32).toString("base64"),
  SIGNING_KEYS: () => `s1:${randomBytes(32).toString("base64")}`,
  ENCRYPTION_KEYS: () => `e1:${randomBytes(32).toString("base64")}`,
};
const names = Object.keys(fresh) as (keyof Secrets)[];

/** Secrets for a deployment, made at random. */
export function freshSecrets(): Secrets {
  return pick(Object.fromEntries(names.map((name) => [name, fresh[name]()])));
}

/**
 * The secrets of the file, which only its owner may read; those it lacks are made and added, the rest of it stays as it is.
 * Two first starts at once end up with the same secrets.
 */
export function secretsIn(file: string): { secrets: Secrets; made: (keyof Secrets)[] } {
  const text = readIfThere(file);
  const present = parse(text ?? "");
  const made = names.filter((name) => !present[name]);
  if (made.length === 0) return { secrets: pick(present), made };
  const added = made.map((name) => `${name}=${fresh[name]()}\n`).join("");
  const whole = text === undefined ? added : `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${added}`;
  if (!put(file, whole, text === undefined)) return secretsIn(file);
  return { secrets: pick(parse(whole)), made };
}

/** `NAME=value` lines as wrangler reads them: quotes around a value do not belong to it, `#` starts a comment. */
export function parse(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const [, name, rest] = /^\s*(?:export\s+)?([\w.-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || rest === undefined) continue;
    const quoted = /^(["'`])(.*)\1(?:\s*#.*)?$/.exec(rest);
    values[name] = quoted?.[2] ?? rest.replace(/\s*#.*$/, "");
  }
  return values;
}

/** In one step, so that no process reads half a file. False when another start made it first. */
function put(file: string, text: string, isNew: boolean): boolean {
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  writeFileSync(draft, text, { mode: 0o600 });
  try {
    if (isNew) linkSync(draft, file);
    else renameSync(draft, file);
    chmodSync(file, 0o600);
    return true;
  } catch (cause) {
    if (isNew && hasCode(cause, "EEXIST")) return false;
    throw cause;
  } finally {
    rmSync(draft, { force: true });
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    if (hasCode(cause, "ENOENT")) return undefined;
    throw cause;
  }
}

function pick(values: Record<string, string>): Secrets {
  return Object.fromEntries(names.map((name) => [name, values[name] ?? ""])) as unknown as Secrets;
}

function hasCode(cause: unknown, code: string): boolean {
  return cause instanceof Error && "code" in cause && cause.code === code;
}
