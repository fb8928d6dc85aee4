import type { Issue } from "../../errors";
import { parseJson } from "../../json/json";
import { fromBase64 } from "../../base64";

/** An unchecked event under Jobyard's field names; `rename` translates a field into the sender's name. */
export type Read = { ok: true; input: Record<string, unknown>; rename(path: string): string } | { ok: false; issues: Issue[]; malformed?: boolean };

const attributeName = /^[a-z0-9]{1,64}$/;
/** Jobyard's fields, by the attribute of CloudEvents 1.0. */
const ours: Record<string, string> = { id: "id", source: "source", type: "type", subject: "subject", time: "timestamp" };
/** Read and not stored: they describe the encoding of the data. */
const aside = ["specversion", "datacontenttype", "dataschema"];

/** Structured mode: one JSON object of attributes, with `data` or `data_base64`. Source: CloudEvents 1.0.2, JSON format. */
export function fromStructured(value: unknown, where = ""): Read {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return invalidEvent(where, "must be a CloudEvent: an object");
  const { data, data_base64: encoded, ...attributes } = value as Record<string, unknown>;
  if (data !== undefined && encoded !== undefined) return invalidEvent(below(where, "data_base64"), "cannot go together with data");
  const content = encoded === undefined ? { ok: true as const, data } : decodeBase64Data(encoded, below(where, "data_base64"));
  if (!content.ok) return content;
  return assemble(attributes, content.data, (name) => below(where, name));
}

/** Binary mode: attributes in `ce-` headers, the body is the data. Source: CloudEvents 1.0.2, HTTP protocol binding. */
export function fromBinary(headers: Headers, text: string, parse: (text: string) => unknown): Read {
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of headers) {
    if (!name.startsWith("ce-")) continue;
    if (name === "ce-datacontenttype") return invalidEvent(name, "must be left out: the header Content-Type has the type");
    const text = decodeHeader(value);
    if (text === undefined) return { ...invalidEvent(name, "is not percent-encoded UTF-8"), malformed: true };
    attributes[name.slice(3)] = text;
  }
  const type = headers.get("content-type") ?? "application/json";
  if (text !== "" && !isJson(type)) return invalidEvent("content-type", "must be a JSON type: data must be an object");
  return assemble(attributes, text === "" ? undefined : parse(text), (name) => (name === "data" ? name : `ce-${name}`));
}

/** Whether headers are those of binary mode. */
export function isBinary(headers: Headers): boolean {
  return [...headers.keys()].some((name) => name.startsWith("ce-"));
}

/**
 * The value of a header: quotes taken off, then percent-decoded; undefined when what comes out is no UTF-8.
 * Lower-case hex and escapes that were not needed are fine.
 */
export function decodeHeader(value: string): string | undefined {
  const quoted = /^"((?:[^"\\]|\\.)*)"$/.exec(value.trim())?.[1];
  try {
    return decodeURIComponent(quoted === undefined ? value.trim() : quoted.replaceAll(/\\(.)/g, "$1"));
  } catch {
    return undefined;
  }
}

function assemble(attributes: Record<string, unknown>, data: unknown, name: (attribute: string) => string): Read {
  const issues = [...missingAttributes(attributes, name), ...misnamed(attributes, name)];
  if (issues.length > 0) return { ok: false, issues };
  const known = Object.entries(ours).flatMap(([attribute, field]) => (isGiven(attributes[attribute]) ? [[field, attributes[attribute]]] : []));
  const extra = Object.entries(attributes).filter(([attribute, value]) => !(attribute in ours) && !aside.includes(attribute) && isGiven(value));
  const extensions = extra.length > 0 ? { extensions: Object.fromEntries(extra) } : {};
  const back = Object.fromEntries(Object.entries(ours).map(([attribute, field]) => [field, attribute]));
  return {
    ok: true,
    input: { ...Object.fromEntries(known), ...(isGiven(data) ? { data } : {}), ...extensions },
    rename: (path) => renamed(path, back, name),
  };
}

/** `timestamp` is `time`, or `ce-time`; `extensions.flag` is `flag`; what is below stays. */
function renamed(path: string, back: Record<string, string>, name: (attribute: string) => string): string {
  const [first = "", ...rest] = path.split(/(?=[.[])/);
  if (first === "extensions" && rest[0]?.startsWith(".")) return name(rest.join("").slice(1));
  return `${name(back[first] ?? first)}${rest.join("")}`;
}

function missingAttributes(attributes: Record<string, unknown>, name: (attribute: string) => string): Issue[] {
  const empty = ["id", "source", "type"].filter((each) => !isGiven(attributes[each]) || attributes[each] === "");
  const version = attributes["specversion"];
  const versionIssues = version === "1.0" ? [] : [{ path: name("specversion"), message: isGiven(version) ? "must be 1.0" : "is missing" }];
  return [...versionIssues, ...empty.map((each) => ({ path: name(each), message: isGiven(attributes[each]) ? "must not be empty" : "is missing" }))];
}

function misnamed(attributes: Record<string, unknown>, name: (attribute: string) => string): Issue[] {
  const names = Object.keys(attributes).filter((each) => !attributeName.test(each));
  return names.map((each) => ({ path: name(each.slice(0, 64)), message: "must be a name of the characters a-z and 0-9" }));
}

function decodeBase64Data(encoded: unknown, path: string): { ok: true; data: unknown } | Extract<Read, { ok: false }> {
  const bytes = typeof encoded === "string" ? fromBase64(encoded) : undefined;
  if (!bytes) return invalidEvent(path, "must be base64");
  const text = utf8(bytes);
  const json = text === undefined ? undefined : parseJson(text);
  if (json?.ok) return { ok: true, data: json.value };
  return invalidEvent(path, json?.reason === "excessive" ? json.message : "must be JSON: data must be an object");
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** In JSON null means that an attribute is not there. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isJson(type: string): boolean {
  return /^\s*(application|text)\/([a-z0-9.!#$&^_-]+\+)?json\s*(;|$)/i.test(type);
}

function below(parent: string, name: string): string {
  return parent === "" ? name : `${parent}.${name}`;
}

function invalidEvent(path: string, message: string): Extract<Read, { ok: false }> {
  return { ok: false, issues: [{ path, message }] };
}
