import { type Issue, maxIssues, shortPath } from "../errors";
import { shapesOf } from "./shapes";

/** Deepest nesting of a payload: far below what breaks a bulk statement, far above what anybody sends. */
export const maxDepth = 64;

/** Objects and arrays in one text: keeps ten megabytes of `{},{},…` from filling the isolate's memory. */
const maxContainers = 1_000_000;
/** Texts nested deeper than this are not even parsed; up to here the check can still name the path. */
const parseDepth = 512;

export type ParsedJson =
  | { ok: true; value: unknown }
  /** `malformed`: no JSON. `excessive`: too deep or too many parts. Line and column start at 1, position at 0. */
  | { ok: false; reason: "malformed" | "excessive"; message: string; position: number; line: number; column: number };

/**
 * Parses JSON and says where it is wrong. The message never repeats a part of the text: it may be personal.
 * Bounded before it is believed: depth and number of containers are counted before anything is built.
 */
export function parseJson(text: string): ParsedJson {
  const excess = measure(text);
  if (excess) return { ok: false, reason: "excessive", ...place(text, excess) };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    // V8's own message quotes the text and often leaves out the position.
    return { ok: false, reason: "malformed", ...place(text, locate(text)) };
  }
}

/**
 * What is wrong with a parsed value although it is JSON: nested deeper than 64 levels, text that is no well-formed UTF-16,
 * `__proto__` as a key, numbers beyond what a double keeps exactly, anything that JSON cannot carry. Up to 20 issues;
 * paths begin with `path` (`payload` gives `payload.items[3].name`). Never throws.
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

interface Mistake {
  position: number;
  message: string;
}

/** Where a text becomes too deep or too large to be parsed at all. */
function measure(text: string): Mistake | undefined {
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
      if (shapes?.name(depth)) return { position, message: "too many different names" };
    } else if (char === 0x7b || char === 0x5b) {
      if (++depth > parseDepth) return { position, message: "nested too deep: 64 levels at most" };
      if (++containers > maxContainers) return { position, message: "too many objects and lists" };
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

function place(text: string, mistake: Mistake) {
  let line = 1;
  let lineStart = 0;
  for (let end = text.indexOf("\n"); end !== -1 && end < mistake.position; end = text.indexOf("\n", lineStart)) {
    line++;
    lineStart = end + 1;
  }
  return { ...mistake, line, column: mistake.position - lineStart + 1 };
}

/** The first place at which a text stops being JSON. Only called for texts that JSON.parse refused. */
function locate(text: string): Mistake {
  const reader = new Reader(text);
  if (reader.value()) {
    reader.space();
    if (reader.position < text.length) return { position: reader.position, message: "nothing may follow the value" };
  }
  return { position: Math.min(reader.position, text.length), message: reader.expected };
}

/** Made once: a literal within a method is a new object at each call, and a text of ten megabytes makes millions of calls. */
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const blanks = /[ \t\n\r]*/y;
const hex = /^[0-9a-fA-F]{4}$/;

/** Reads JSON without building it. Each method leaves `position` where it stopped and returns false with `expected` set on a mistake. */
class Reader {
  position = 0;
  expected = "expected a value";
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  value(): boolean {
    this.space();
    const char = this.#text[this.position];
    if (char === "{") return this.#list("}", () => this.#member());
    if (char === "[") return this.#list("]", () => this.value());
    if (char === '"') return this.#string();
    return this.#match(scalar) || this.#fail("expected a value");
  }

  space(): void {
    if (this.#text.charCodeAt(this.position) <= 0x20) this.#match(blanks);
  }

  #list(close: string, item: () => boolean): boolean {
    this.position++;
    this.space();
    if (this.#take(close)) return true;
    for (;;) {
      if (!item()) return false;
      this.space();
      if (this.#take(close)) return true;
      if (!this.#take(",")) return this.#fail(`expected "," or "${close}"`);
    }
  }

  #member(): boolean {
    this.space();
    if (this.#text[this.position] !== '"') return this.#fail("expected a name in double quotes");
    if (!this.#string()) return false;
    this.space();
    return this.#take(":") ? this.value() : this.#fail('expected ":"');
  }

  #string(): boolean {
    for (this.position++; ;) {
      const char = this.#text.charCodeAt(this.position);
      if (char === 0x5c ? this.#escape() : char >= 0x20 && char !== 0x22) this.position++;
      else return this.#take('"') || this.#fail(this.#stringFlaw());
    }
  }

  /** Goes to the last character of an escape. */
  #escape(): boolean {
    const next = this.#text[this.position + 1] ?? "";
    const length = next === "u" && hex.test(this.#text.slice(this.position + 2, this.position + 6)) ? 5 : next !== "" && '"\\/bfnrt'.includes(next) ? 1 : 0;
    this.position += length;
    return length > 0;
  }

  #stringFlaw(): string {
    if (this.position >= this.#text.length) return "the text ends inside a string";
    return this.#text[this.position] === "\\" ? "no such escape" : "control characters must be escaped";
  }

  #take(char: string): boolean {
    if (this.#text[this.position] !== char) return false;
    this.position++;
    return true;
  }

  #match(pattern: RegExp): boolean {
    pattern.lastIndex = this.position;
    if (!pattern.test(this.#text)) return false;
    this.position = pattern.lastIndex;
    return true;
  }

  #fail(expected: string): false {
    this.expected = this.position >= this.#text.length && !expected.startsWith("the text") ? `${expected}, but the text ends` : expected;
    return false;
  }
}
