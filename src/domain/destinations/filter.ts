import * as v from "valibot";
import { boundedList, boundedRecord, boundedText } from "../../bounded";

const scalar = v.union([v.string(), v.number(), v.boolean()], "must be text, a number, true or false");

const condition = v.pipe(
  v.strictObject({
    eq: v.optional(scalar),
    ne: v.optional(scalar),
    in: v.optional(boundedList(scalar, 100, { min: 1, rule: "must name 1 to 100 values" })),
    gte: v.optional(v.number("must be a number")),
    lte: v.optional(v.number("must be a number")),
    exists: v.optional(v.boolean("must be true or false")),
  }),
  v.minEntries(1, "must hold a condition: eq, ne, in, gte, lte or exists"),
);

const path = boundedText(520, { pattern: /^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,7}$/, rule: "must be names of fields joined by dots" });

/** Conditions by field of the event's data; all of them must hold. */
export const filterSchema = boundedRecord(path, condition, 20, { min: 1, rule: "must look at 1 to 20 fields; leave it out to let everything through" });

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

/** Own properties only, so that a field named `constructor` is an ordinary field. */
function valueAt(data: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, name) => (typeof value === "object" && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined),
    data,
  );
}
