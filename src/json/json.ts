import { type Issue, maxIssues, messageOf, shortPath } from "../errors";
import { shapesOf } from "./shapes";

/** Deepest nesting of a payload: far below what breaks a bulk statement, far above what senders use. */
const maxDepth = 64;

/** Objects and arrays in one text: keeps ten megabytes of `{},{},…` from filling the isolate's memory. */
const maxContainers = 1_000_000;
/** Texts nested deeper than this are not even parsed; up to here the check can still name the path. */
const maxParseDepth = 512;

type ParsedJson =
  | { ok: true; value: unknown }
  /** `malformed`: no JSON. `excessive`: too deep or too many parts. The message begins with the place, where it is known; lines and columns start at 1. */
  | { ok: false; reason: "malformed" | "excessive"; message: string };

/**
 * Parses JSON; an error names the place. The message repeats at most one character of the text: it may be personal.
 * Depth and number of containers are counted before anything is built.
 */
export function parseJson(text: string): ParsedJson {
  const issue = measure(text);
  if (issue !== undefined) return { ok: false, reason: "excessive", message: issue };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (thrown) {
    return { ok: false, reason: "malformed", message: syntaxIssue(thrown) };
  }
}

/**
 * The issues of a parsed value: more than 64 levels, text that is no well-formed UTF-16, `__proto__` as a key, a number that a double does not keep
 * exactly. A value that JSON cannot carry is an issue too. Up to 20 issues; paths begin with `path` (`payload` gives `payload.items[3].name`). Never
 * throws.
 */
export function checkJson(value: unknown, path = ""): Issue[] {
  if (isClean(value, maxDepth)) return [];
  const issues: Issue[] = [];
  collect(value, path, maxDepth, issues);
  return issues;
}

function isClean(value: unknown, room: number): boolean {
  if (typeof value !== "object" || value === null) return scalarIssue(value) === undefined;
  if (room === 0 || !isPlain(value)) return false;
  if (Array.isArray(value)) return value.every((item) => isClean(item, room - 1));
  return Object.keys(value).every((key) => keyIssue(key) === undefined && isClean(at(value, key) ?? null, room - 1));
}

function collect(value: unknown, path: string, room: number, issues: Issue[]): void {
  if (issues.length >= maxIssues) return;
  if (typeof value !== "object" || value === null) {
    const message = scalarIssue(value);
    if (message) issues.push({ path: shortPath(path), message });
  } else if (room === 0) issues.push({ path: shortPath(path), message: "is nested too deep: 64 levels at most" });
  else if (!isPlain(value)) issues.push({ path: shortPath(path), message: "is not plain JSON" });
  else if (Array.isArray(value)) value.forEach((item, index) => collect(item, `${path}[${index}]`, room - 1, issues));
  else collectEntries(value, path, room, issues);
}

function collectEntries(value: object, path: string, room: number, issues: Issue[]): void {
  for (const key of Object.keys(value)) {
    const message = keyIssue(key);
    const below = join(path, key.toWellFormed());
    if (message && issues.length < maxIssues) issues.push({ path: shortPath(below), message });
    else collect(at(value, key) ?? null, below, room - 1, issues);
  }
}

function scalarIssue(value: unknown): string | undefined {
  if (typeof value === "string") return value.isWellFormed() ? undefined : "is not well-formed text: it holds half a surrogate pair";
  if (typeof value === "number") return numberIssue(value);
  return value === null || typeof value === "boolean" ? undefined : "is not JSON";
}

function numberIssue(value: number): string | undefined {
  if (!Number.isFinite(value)) return "is too large a number";
  return Math.abs(value) > Number.MAX_SAFE_INTEGER ? "is a number that cannot be kept exactly: send it as text" : undefined;
}

function keyIssue(key: string): string | undefined {
  if (key === "__proto__") return "is not allowed as a name";
  return key.isWellFormed() ? undefined : "is a name that is not well-formed text";
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
}

function at(value: object, key: string): unknown {
  return (value as Record<string, unknown>)[key];
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

/** Why a text is too deep or too large to be parsed at all, with the place. */
function measure(text: string): string | undefined {
  let depth = 0;
  let containers = 0;
  const shapes = shapesOf(text);
  for (let position = 0; position < text.length; position++) {
    const char = text.charCodeAt(position);
    if (char === 0x22) {
      const end = stringEnd(text, position);
      shapes?.string(position, end);
      position = end;
    } else if (char === 0x7d || char === 0x5d) depth--;
    else if (char === 0x3a) {
      if (shapes?.name(depth)) return excess(position, "too many different names");
    } else if (char === 0x7b || char === 0x5b) {
      if (++depth > maxParseDepth) return excess(position, "nested too deep: 64 levels at most");
      if (++containers > maxContainers) return excess(position, "too many objects and lists");
      shapes?.open(depth);
    }
  }
  return undefined;
}

/** Position of the quote that closes the string opened at `start`; the text's end when there is none. */
function stringEnd(text: string, start: number): number {
  for (let position = start + 1; position < text.length; position++) {
    const char = text.charCodeAt(position);
    if (char === 0x22) return position;
    if (char === 0x5c) position++;
  }
  return text.length;
}

function excess(position: number, message: string): string {
  return `character ${position + 1}: ${message}`;
}

/** V8's message without what it quotes of the text. It names the place of all errors but an unexpected token. */
function syntaxIssue(thrown: unknown): string {
  const message = messageOf(thrown);
  const [, phrase, line, column] = /^(\D{1,100}) in JSON at position \d+ \(line (\d+) column (\d+)\)$/.exec(message) ?? [];
  if (phrase !== undefined) return `line ${line}, column ${column}: ${phrase.toLowerCase()}`;
  const after = /^Unexpected non-whitespace character after JSON at position \d+ \(line (\d+) column (\d+)\)$/.exec(message);
  if (after) return `line ${after[1]}, column ${after[2]}: nothing may follow the value`;
  if (message === "Unexpected end of JSON input") return "the text ends before the value does";
  const token = /^Unexpected token '(.)', /su.exec(message)?.[1];
  return token === undefined ? "a value is no JSON" : `${JSON.stringify(token)} stands where a value is expected`;
}
