import * as v from "valibot";

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

/**
 * A copy of `value` in which every field marked by `personal()` reads `•••`.
 * Where the value does not fit the schema (an old version, another variant), every string is masked: rather too much than too little.
 */
export function mask(schema: unknown, value: unknown): unknown {
  return masking(schema, value, maskAll);
}

/** The same, but what does not fit the schema stays as it is: only what is marked reads `•••`. */
export function maskMarked(schema: unknown, value: unknown): unknown {
  return masking(schema, value, (unfit) => unfit);
}

function masking(schema: unknown, value: unknown, unfit: (value: unknown) => unknown): unknown {
  if (value === undefined || value === null) return value;
  if (schema === undefined) return unfit(value);
  if (isPersonal(schema)) return maskAll(value);
  const node = schema as AnySchema;
  if (node.wrapped) return masking(node.wrapped, value, unfit);
  if (node.type === "union" || node.type === "variant") return masking(fitting(node.options ?? [], value), value, unfit);
  if (node.entries && isObject(value)) return maskEntries(node, value, unfit);
  if (node.item && Array.isArray(value)) return value.map((each) => masking(node.item, each, unfit));
  if (node.items && Array.isArray(value)) return value.map((each, index) => masking(node.items?.[index] ?? node.rest, each, unfit));
  if (node.type === "record" && isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, masking(node.value, each, unfit)]));
  }
  return scalars.has(node.type ?? "") && v.is(schema as v.GenericSchema, value) ? value : unfit(value);
}

/** Schemas of single values: only what fits one of these is shown as it is. */
const scalars: ReadonlySet<string> = new Set(["string", "number", "boolean", "picklist", "enum", "literal"]);

/** Every string in a value masked, whatever its shape. */
export function maskAll(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskAll);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, maskAll(each)]));
  return typeof value === "string" || typeof value === "number" ? masked : value;
}

function maskEntries({ entries = {}, rest }: AnySchema, value: Record<string, unknown>, unfit: (value: unknown) => unknown) {
  const schemaOf = (key: string) => (Object.hasOwn(entries, key) ? entries[key] : undefined) ?? rest;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, masking(schemaOf(key), each, unfit)]));
}

function fitting(options: readonly unknown[], value: unknown): unknown {
  return options.find((option) => v.is(option as v.GenericSchema, value));
}

function isPersonal(schema: unknown): boolean {
  const node = schema as AnySchema;
  return (node.pipe ?? []).some(
    (item) => (item.kind === "metadata" && item.metadata?.["personal"] === true) || (item.kind === "schema" && item !== schema && isPersonalInner(item)),
  );
}

function isPersonalInner(item: object): boolean {
  return "pipe" in item && isPersonal(item);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
