import { finder } from "../queue/fold";
import { batch, rowsOf, statement } from "../d1";
import { columns, end, fits, inTime, type JobRow, mostExamined, viewOf } from "./job-rows";
import type { JobFilter, JobView, Page } from "./views";

const byEntity = `
  SELECT coalesce(j.slot, j.id) AS position, ${columns} FROM json_each(?2) k CROSS JOIN entities n ON n.tenant = ?1 AND n.key = k.value
  CROSS JOIN jobs j ON j.tenant = n.tenant AND j.id = n.id LIMIT ?3`;
const byIds = `
  SELECT coalesce(j.slot, j.id) AS position, ${columns} FROM json_each(?2) k CROSS JOIN jobs j ON j.tenant = ?1 AND j.id = k.value`;
/** A tenant's waiting, retrying and delayed jobs by their side rows. ?2 rows of each kind. */
const besides = ["due", "parked"].map((table) => `SELECT id FROM ${table} WHERE tenant = ?1 LIMIT ?2`);
const errors = `SELECT id, reason FROM dead_letters WHERE tenant = ?1 ORDER BY died DESC LIMIT ?2`;

/** By id, by entity key (`order:123`), else by words of a dead letter's error. One page: what is looked for is few. */
export async function found(db: D1Database, tenant: string, q: string, filter: JobFilter, page: Page): Promise<{ jobs: JobView[]; cursor: string | null }> {
  const results = await batch(db, [
    statement(db, byIds, tenant, JSON.stringify([q.toLowerCase()])),
    statement(db, byEntity, tenant, JSON.stringify(keysOf(q)), mostExamined),
  ]);
  const rows = [0, 1].map((index) => rowsOf<JobRow>(results, index)).find((each) => each.length > 0) ?? (await byError(db, tenant, q));
  return pageOf(rows, filter, page);
}

/** Every job with a side row, that is all that wait or are retrying; null when they are too many to be looked at. */
export async function heldJobs(db: D1Database, tenant: string): Promise<JobRow[] | null> {
  const results = await batch(
    db,
    besides.map((sql) => statement(db, sql, tenant, mostExamined)),
  );
  const lists = [0, 1].map((index) => rowsOf<{ id: string }>(results, index));
  if (lists.some((rows) => rows.length === mostExamined)) return null;
  const ids = [...new Set(lists.flat().map(({ id }) => id))];
  return ids.length === 0 ? [] : (await statement(db, byIds, tenant, JSON.stringify(ids)).all<JobRow>()).results;
}

/** One page of rows that are known whole. */
export function pageOf(rows: readonly JobRow[], filter: JobFilter, page: Page): { jobs: JobView[]; cursor: string | null } {
  const below = page.cursor ?? end;
  const sorted = rows
    .filter((row) => row.position < below && fits(row, filter) && inTime(row, filter))
    .toSorted((left, right) => (left.position < right.position ? 1 : -1));
  const shown = sorted.slice(0, page.limit);
  return { jobs: shown.map(viewOf), cursor: sorted.length > shown.length ? (shown.at(-1)?.position ?? null) : null };
}

/** A key is looked up, not searched: as it was typed, in small letters, and with the name of the thing in capitals. */
function keysOf(q: string): string[] {
  const colon = q.indexOf(":") + 1;
  return [...new Set([q, q.toLowerCase(), q.slice(0, colon).toLowerCase() + q.slice(colon).toUpperCase()])];
}

/** The newest dead letters whose error says so. SQLite folds the case of ASCII only, so their texts are compared here. */
async function byError(db: D1Database, tenant: string, q: string): Promise<JobRow[]> {
  const says = finder(q);
  const letters = await statement(db, errors, tenant, mostExamined).all<{ id: string; reason: string }>();
  const ids = letters.results.filter(({ reason }) => says(reason)).map(({ id }) => id);
  return ids.length === 0 ? [] : (await statement(db, byIds, tenant, JSON.stringify(ids)).all<JobRow>()).results;
}
