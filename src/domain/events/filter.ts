import * as v from "valibot";

const scalar = v.union([v.string(), v.number(), v.boolean()], "must be text, a number, true or false");

const condition = v.pipe(
  v.strictObject({
    eq: v.optional(scalar),
    ne: v.optional(scalar),
    in: v.optional(v.pipe(v.array(scalar), v.minLength(1, "must name a value"), v.maxLength(100, "may name 100 values"))),
    gte: v.optional(v.number("must be a number")),
    lte: v.optional(v.number("must be a number")),
    exists: v.optional(v.boolean("must be true or false")),
  }),
  v.minEntries(1, "must hold a condition: eq, ne, in, gte, lte or exists"),
);

const path = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,7}$/, "must be names of fields joined by dots"));

/** Conditions by the field of the event's data they look at; all of them must hold. */
export const filterSchema = v.pipe(
  v.record(path, condition),
  v.minEntries(1, "must look at a field; leave it out to let everything through"),
  v.maxEntries(20, "may look at 20 fields"),
);

export type Filter = v.InferOutput<typeof filterSchema>;

/** The first field whose condition does not hold; undefined when the data pass. */
export function refusedBy(filter: Filter, data: Record<string, unknown>): string | undefined {
  return Object.entries(filter).find(([field, rule]) => !holds(rule, valueAt(data, field.split("."))))?.[0];
}

function holds(rule: v.InferOutput<typeof condition>, value: unknown): boolean {
  const there = value !== undefined && value !== null;
  if (rule.exists !== undefined && rule.exists !== there) return false;
  if (rule.eq !== undefined && value !== rule.eq) return false;
  if (rule.ne !== undefined && value === rule.ne) return false;
  if (rule.in !== undefined && !(rule.in as readonly unknown[]).includes(value)) return false;
  if (rule.gte !== undefined && !(typeof value === "number" && value >= rule.gte)) return false;
  return rule.lte === undefined || (typeof value === "number" && value <= rule.lte);
}

/** Own properties only: a field named `constructor` is a field like any other. */
function valueAt(data: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, name) => (typeof value === "object" && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined),
    data,
  );
}
