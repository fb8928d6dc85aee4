import * as v from "valibot";
import { boundedList, boundedText } from "../../bounded";

/** The key of an entity that a job is about: `lead:4711`, `order:main/12`. It contains no personal data. */
export const entityKey = boundedText(225, { pattern: /^[a-z][a-z-]{0,31}:[A-Za-z0-9._:/-]{1,192}$/, rule: "must be a kind and an id, as lead:4711" });

/** The latest time of an event: the end of the year 9999. Milliseconds. */
export const latestTime = Date.UTC(10_000, 0) - 1;

/** Entities of one job: an optional field of payloads. */
export const entitiesField = v.optional(boundedList(entityKey, 5, { rule: "may name at most 5 entities" }));

/** The key of an entity; empty when its id makes no valid key. */
export function entityKeys(kind: string, id: unknown): string[] {
  const key = `${kind}:${String(id)}`;
  return (typeof id === "string" || typeof id === "number") && v.is(entityKey, key) ? [key] : [];
}

/** The key of the facts sent to the CRM, apart from those of the destination `store`: either may be switched off. */
export function crmEntity(entity: string): string {
  return `crm ${entity}`;
}
