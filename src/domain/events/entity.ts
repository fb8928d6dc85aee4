import * as v from "valibot";
import { boundedList, boundedText } from "../../queue/bounded";

/** What a job is about, by a name under which it can be found: `lead:4711`, `order:main/12`. Nothing personal may stand in it. */
export const entityKey = boundedText(225, { pattern: /^[a-z][a-z-]{0,31}:[A-Za-z0-9._:/-]{1,192}$/, rule: "must be a kind and an id, as lead:4711" });

/** Times of events end with the year 9999, milliseconds. */
export const latestTime = Date.UTC(10_000, 0) - 1;

/** Entities of one job: an optional field of every payload that something else than its type is about. */
export const about = v.optional(boundedList(entityKey, 5, { rule: "may name at most 5 entities" }));

/** The key of one thing, or none when its id would not make one. */
export function entityKeys(kind: string, id: unknown): string[] {
  const key = `${kind}:${String(id)}`;
  return (typeof id === "string" || typeof id === "number") && v.is(entityKey, key) ? [key] : [];
}

/** What is sent to the CRM is kept apart from what is stored: either may be switched off. */
export function crmEntity(entity: string): string {
  return `crm ${entity}`;
}
