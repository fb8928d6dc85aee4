import * as v from "valibot";

/**
 * Where a value comes from: a path into the job (`data.orgId`, `opts.priority`), a constant, or an object of such values.
 * - `values` translates what is found there; what it does not list stays missing.
 * - `prefix` is put before it. `otherwise` stands in for a missing one.
 */
export type Source =
  | { path: string; values?: Record<string, unknown>; prefix?: string; otherwise?: unknown }
  | { const: unknown }
  | { fields: Record<string, Source> };

const path = v.pipe(
  v.string(),
  v.maxLength(500),
  v.regex(/^(?:data|opts|name|id|queue|timestamp)(?:\.[^.]+)*$/, 'must be a path like "data.orgId" (data, opts, name, id, queue or timestamp)'),
);

export const source: v.GenericSchema<Source> = v.lazy((input) => {
  if (typeof input === "object" && input !== null && "fields" in input) return v.strictObject({ fields: v.record(v.string(), source) });
  if (typeof input === "object" && input !== null && "const" in input) return v.strictObject({ const: v.unknown() });
  return v.strictObject(
    { path, values: v.exactOptional(v.record(v.string(), v.unknown())), prefix: v.exactOptional(v.string()), otherwise: v.exactOptional(v.unknown()) },
    (issue) => (issue.received === "Object" || issue.expected === "never" ? issue.message : 'must be {"path": …}, {"const": …} or {"fields": …}'),
  );
});

/** The value; undefined where there is none. Fields without a value are left out. */
export function resolve(from: Source, scope: unknown): unknown {
  if ("const" in from) return from.const;
  if ("fields" in from) {
    const found = Object.entries(from.fields).map(([name, each]) => [name, resolve(each, scope)] as const);
    return Object.fromEntries(found.filter(([, value]) => value !== undefined));
  }
  const found = follow(scope, from.path.split("."));
  const translated = from.values ? own(from.values, String(found)) : found;
  if (translated === undefined) return from.otherwise;
  return from.prefix === undefined ? translated : `${from.prefix}${String(translated)}`;
}

function follow(scope: unknown, steps: readonly string[]): unknown {
  return steps.reduce<unknown>((at, step) => own(at, step), scope);
}

function own(holder: unknown, name: string): unknown {
  return typeof holder === "object" && holder !== null && Object.hasOwn(holder, name) ? (holder as Record<string, unknown>)[name] : undefined;
}
