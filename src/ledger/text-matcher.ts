import { finder } from "../queue/fold";

/** The text as the end of an id, as lists show it; undefined: it cannot be one. Fewer characters than 4 would fit too many. */
export function tailIn(q: string): string | undefined {
  return /^(?:…|\.\.\.)?([0-9a-hjkmnp-tv-z]{4,33})$/.exec(q.toLowerCase())?.[1];
}

/** Whether a job's id ends so, or its reason contains the words. Compared here and not in SQL: SQLite folds the case of ASCII only. */
export function textMatcher(q: string): (row: { id: string; reason: string | null }) => boolean {
  const [tail, says] = [tailIn(q), finder(q)];
  return ({ id, reason }) => (tail !== undefined && id.endsWith(tail)) || says(reason);
}
