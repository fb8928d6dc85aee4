import { isRecord } from "../json/record";
import * as v from "valibot";
import { redact } from "./redact";

/** What a masked value reads as. */
export const masked = "•••";

interface AnySchema {
  type?: string;
  pipe?: readonly { kind?: string; type?: string; metadata?: Record<string, unknown> }[];
  entries?: Record<string, unknown>;
  item?: unknown;
  items?: readonly unknown[];
  rest?: unknown;
  value?: unknown;
  wrapped?: unknown;
  options?: readonly unknown[];
}

/** Marks a field of a payload or result schema as personal: `v.pipe(v.string(), personal())`. */
export function personal<T>() {
  return v.metadata<T, { personal: true }>({ personal: true });
}

/** Marks a text that is shown, without the addresses and telephone numbers that may stand in it: an id that its sender chose. */
export function redacted() {
  return v.metadata<string, { personal: "redact" }>({ personal: "redact" });
}

/**
 * A copy of `value` in which every field marked by `personal()` reads `•••`.
 * Where the value does not fit the schema (an old version, another variant), every string is masked: rather too much than too little.
 * Addresses and telephone numbers in the names of fields are taken out.
 */
export function mask(schema: unknown, value: unknown): unknown {
  return masking(schema, value, forShow);
}

/** The same, but what does not fit the schema stays as it is: only what is marked reads `•••`. */
export function maskMarked(schema: unknown, value: unknown): unknown {
  return masking(schema, value, markedOnly);
}

interface Masking {
  hide(value: unknown): unknown;
  unfit(value: unknown): unknown;
  nameOf(name: string): string;
}

const forShow: Masking = { hide: maskAll, unfit: maskAll, nameOf: redact };
const markedOnly: Masking = { hide: (value) => maskEvery(value, (name) => name), unfit: (value) => value, nameOf: (name) => name };

function masking(schema: unknown, value: unknown, how: Masking): unknown {
  if (value === undefined || value === null) return value;
  if (schema === undefined) return how.unfit(value);
  const mark = markOf(schema);
  if (mark === true) return how.hide(value);
  if (mark === "redact" && typeof value === "string") return redact(value);
  const node = schema as AnySchema;
  if (node.wrapped) return masking(node.wrapped, value, how);
  if (node.type === "union" || node.type === "variant") return masking(fitting(node.options ?? [], value), value, how);
  if (node.entries && isRecord(value)) return maskEntries(node, value, how);
  if (node.item && Array.isArray(value)) return value.map((each) => masking(node.item, each, how));
  if (node.items && Array.isArray(value)) return value.map((each, index) => masking(node.items?.[index] ?? node.rest, each, how));
  if (node.type === "record" && isRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [how.nameOf(key), masking(node.value, each, how)]));
  }
  return scalars.has(node.type ?? "") && v.is(schema as v.GenericSchema, value) ? value : how.unfit(value);
}

/** Schemas of single values: only what fits one of these is shown as it is. */
const scalars: ReadonlySet<string> = new Set(["string", "number", "boolean", "picklist", "enum", "literal"]);

/** Every string in a value masked, whatever its shape. */
export function maskAll(value: unknown): unknown {
  return maskEvery(value, redact);
}

function maskEvery(value: unknown, nameOf: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((each) => maskEvery(each, nameOf));
  if (isRecord(value)) return Object.fromEntries(Object.entries(value).map(([key, each]) => [nameOf(key), maskEvery(each, nameOf)]));
  return typeof value === "string" || typeof value === "number" ? masked : value;
}

function maskEntries({ entries = {}, rest }: AnySchema, value: Record<string, unknown>, how: Masking) {
  const schemaOf = (key: string) => (Object.hasOwn(entries, key) ? entries[key] : undefined) ?? rest;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [how.nameOf(key), masking(schemaOf(key), each, how)]));
}

function fitting(options: readonly unknown[], value: unknown): unknown {
  return options.find((option) => v.is(option as v.GenericSchema, value));
}

/** True for what is personal, "redact" for a text of which only addresses are. */
function markOf(schema: unknown): true | "redact" | undefined {
  const marks = ((schema as AnySchema).pipe ?? []).map((item) => {
    if (item.kind === "metadata") return item.metadata?.["personal"];
    return item.kind === "schema" && item !== schema && "pipe" in item ? markOf(item) : undefined;
  });
  return marks.includes(true) ? true : marks.includes("redact") ? "redact" : undefined;
}
