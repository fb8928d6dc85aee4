import { finder } from "../fold";

/**
 * The text as the end of an id, as lists show it; undefined: it cannot be one. Fewer characters than 4 would fit too many.
 * `onlyMarked`: it must begin with `…` or `...`, so that no word of a reason ("reset") is taken for one.
 */
export function tailIn(q: string, onlyMarked = false): string | undefined {
  const [, mark, tail] = /^(…|\.\.\.)?([0-9a-hjkmnp-tv-z]{4,33})$/.exec(q.toLowerCase()) ?? [];
  return onlyMarked && mark === undefined ? undefined : tail;
}

/** Whether a job's id ends so, or its reason contains the words. Compared here and not in SQL: SQLite folds the case of ASCII only. */
export function textMatcher(q: string, onlyMarked = false): (row: { id: string; reason: string | null }) => boolean {
  const [tail, isIn] = [tailIn(q, onlyMarked), finder(q)];
  return ({ id, reason }) => (tail !== undefined && id.endsWith(tail)) || isIn(reason);
}
