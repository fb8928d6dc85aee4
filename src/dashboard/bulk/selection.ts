import { jsonFrom, recordOf } from "../../json/record";
import { searchFrom, timeAt } from "../jobs/search";

/** The kinds of actions on many jobs. */
export const bulkVerbs = ["run-now", "cancel", "replay", "dismiss"] as const;

export type BulkVerb = (typeof bulkVerbs)[number];

/** Label of a button: the action on `what`. */
export function verbText(verb: BulkVerb, what = ""): string {
  if (verb === "run-now") return ["Run", what, "now"].filter(Boolean).join(" ");
  return [`${verb[0]?.toUpperCase()}${verb.slice(1)}`, what].filter(Boolean).join(" ");
}

/** The selected jobs, as in the body of the call. */
export type Selection = { ids: string[] } | { filter: Record<string, string> };

/** The address of the plan for all jobs that match a filter. */
export function bulkAddress(base: string, verb: BulkVerb, filter: Readonly<Record<string, string | undefined>>): string {
  const entries = Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return `${base}/bulk?${new URLSearchParams([["verb", verb], ...entries])}`;
}

export function verbIn(parameters: URLSearchParams): BulkVerb | undefined {
  return bulkVerbs.find((each) => each === parameters.get("verb"));
}

/** The ticked ids, or the filter if none is ticked. Undefined when the address has no selection. */
export function selectionFrom(parameters: URLSearchParams, now: number): Selection | undefined {
  const ids = [...new Set(parameters.getAll("ids"))].filter(Boolean);
  if (ids.length > 0) return { ids };
  const { from, to, ...search } = searchFrom(parameters);
  const all = { ...search, from: timeAt(from, now), to: timeAt(to, now), group: parameters.get("group") ?? undefined };
  const filter = Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => Boolean(entry[1])));
  return Object.keys(filter).length > 0 ? { filter } : undefined;
}

/** The selection as text for a form. */
export function selectionText(selection: Selection): string {
  return JSON.stringify(selection);
}

/** The selection of a form, and no other field of the call; empty, which the interface refuses, when the text is not a selection. */
export function selectionOf(text: string | undefined): { filter?: unknown; ids?: unknown } {
  const { filter, ids } = recordOf(jsonFrom(text ?? ""));
  return { ...(filter === undefined ? {} : { filter }), ...(ids === undefined ? {} : { ids }) };
}
