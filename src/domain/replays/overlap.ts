import type { ReplayFilter } from "./model";
import type { ReplaySelection } from "./walk";

/** Fields of a filter that a dead letter has one value of. */
const fields = ["type", "queue", "state", "siteId", "group", "parent"] as const satisfies readonly (keyof ReplayFilter)[];

/**
 * Whether two replays may name the same dead letters. Two filters do unless a field or their times part them; two lists of ids when they share one. Of a
 * filter and a list this cannot be known without reading the jobs: false. Pure.
 */
export function mayOverlap(one: ReplaySelection, other: ReplaySelection): boolean {
  if (one.filter && other.filter) return !areApart(one.filter, other.filter);
  const named = new Set(other.ids);
  return one.ids?.some((id) => named.has(id)) ?? false;
}

function areApart(one: ReplayFilter, other: ReplayFilter): boolean {
  const isBefore = (first: ReplayFilter, second: ReplayFilter) => first.to !== undefined && second.from !== undefined && first.to <= second.from;
  const differs = fields.some((name) => one[name] !== undefined && other[name] !== undefined && one[name] !== other[name]);
  return differs || isBefore(one, other) || isBefore(other, one);
}
