import * as v from "valibot";
import { Problem } from "../errors";
import { boundedList, boundedName, boundedText } from "../bounded";
import type { IntakeDeps } from "./deps";
import { siteId } from "../domain/shop/site/model";
import { fromBeforeTo, jobIdText, search, time } from "./query";

/** How a call selects the jobs that it acts on. */

const group = boundedText(128, { pattern: /^[\x21-\x7e]{1,128}$/, rule: "must be a group as /v1/dead-letters/groups lists them" });

/** The fields of a filter of dead letters. */
export const letterEntries = {
  type: v.optional(boundedName("must be a type")),
  queue: v.optional(boundedName("must be a queue")),
  state: v.optional(v.picklist(["dead", "discarded"], "must be dead or discarded")),
  siteId: v.optional(siteId),
  group: v.optional(group),
  parent: v.optional(v.pipe(jobIdText, v.description("The children of this job"))),
  q: v.optional(search),
  from: v.optional(time),
  to: v.optional(time),
};

const maxIds = 1000;

export const idsEntry = v.optional(
  boundedList(boundedText(64, { pattern: /^[a-z0-9]{1,64}$/, rule: "must be the id of a job" }), maxIds, {
    min: 1,
    rule: "must name 1 to 1,000 jobs; use a filter for more",
  }),
);

/** A filter that names at least one field, and times in order. */
export function filterEntry<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.optional(
    v.pipe(
      v.strictObject(entries),
      v.check((filter) => Object.values(filter).some((value) => value !== undefined), "must name at least one field: nothing acts on an empty filter"),
      fromBeforeTo(),
    ),
  );
}

/** Rule for a body that has filter and ids. */
export function eitherOf<Input extends { filter?: unknown; ids?: unknown }>() {
  return v.check<Input, string>(({ filter, ids }) => (filter === undefined) !== (ids === undefined), "give either filter or ids");
}

/** Throws when a parent is mistyped or foreign: it would look like a job without children. `path`: of the field that names it. */
export async function refuseForeignParent(deps: Pick<IntakeDeps, "ids">, tenant: string, parent: string | undefined, path: string): Promise<void> {
  if (parent === undefined || (await deps.ids.belongs(tenant, parent))) return;
  throw new Problem("invalid", "The parent is no job of this tenant.", { errors: [{ path, message: "is no job of this tenant" }] });
}

/** Throws when an id is no job of this tenant. */
export async function refuseForeign(deps: Pick<IntakeDeps, "ids">, tenant: string, ids: readonly string[] = []): Promise<void> {
  const own = await Promise.all(ids.map((id) => deps.ids.belongs(tenant, id)));
  const errors = own.flatMap((belongs, index) => (belongs ? [] : [{ path: `ids[${index}]`, message: "is no job of this tenant" }]));
  if (errors.length > 0) throw new Problem("invalid", "Some ids are not jobs of this tenant.", { errors });
}
