import { batch, rowsOf, statement } from "../d1";
import { jobsByEntity } from "./entities";
import { bySlot, jobColumns, end, matchesFilter, isInRange, type JobListRow, maxExamined, jobViewOf } from "./job-rows";
import { openMark } from "./watermarks";
import type { JobFilter, JobView, PageBounds } from "./views";

const listed = `coalesce(j.slot, j.id) AS position, ${jobColumns}`;
const byEntity = `${jobsByEntity(listed)} LIMIT ?3`;
const byIds = `
  SELECT ${listed} FROM json_each(?2) k CROSS JOIN jobs j ON j.tenant = ?1 AND j.id = k.value`;
/** ?2 rows of each source. */
const sideIds = ["due", "parked"].map((table) => `SELECT id FROM ${table} WHERE tenant = ?1 LIMIT ?2`);
const openIds = [
  `SELECT id FROM leases WHERE tenant = ?1 LIMIT ?2`,
  `SELECT id FROM jobs WHERE tenant = ?1 AND id > ${openMark("?1", "jobs")} AND id < '${end}' AND ended IS NULL LIMIT ?2`,
  `SELECT j.id FROM ${bySlot} WHERE j.tenant = ?1 AND j.slot > ${openMark("?1", "derived")} AND j.ended IS NULL LIMIT ?2`,
];
const letterIds = `SELECT id FROM dead_letters WHERE tenant = ?1 ORDER BY died DESC LIMIT ?2`;

/** Jobs of this id or entity key (`order:123`), one page of them: few jobs match. Undefined: there is none. */
export async function searchKeys(
  db: D1Database,
  tenant: string,
  q: string,
  filter: JobFilter,
  page: PageBounds,
): Promise<{ jobs: JobView[]; cursor: string | null } | undefined> {
  const results = await batch(db, [
    statement(db, byIds, tenant, JSON.stringify([q.toLowerCase()])),
    statement(db, byEntity, tenant, JSON.stringify(keysOf(q)), maxExamined),
  ]);
  const rows = [0, 1].map((index) => rowsOf<JobListRow>(results, index)).find((each) => each.length > 0);
  return rows && pageOfJobs(rows, filter, page);
}

/**
 * Every job that waits or is retrying: each has a side row. With `all` every open job: those without a side row lie above the tenant's marks.
 * Null when one of these sources has more rows than may be read.
 */
export async function openRows(db: D1Database, tenant: string, all: boolean): Promise<JobListRow[] | null> {
  const queries = all ? [...sideIds, ...openIds] : sideIds;
  const results = await batch(
    db,
    queries.map((sql) => statement(db, sql, tenant, maxExamined)),
  );
  const sources = queries.map((_, index) => rowsOf<{ id: string }>(results, index));
  if (sources.some((rows) => rows.length === maxExamined)) return null;
  return jobRowsById(db, tenant, sources.flat());
}

/** Jobs of the newest dead letters, without dismissed ones. */
export async function deadRows(db: D1Database, tenant: string): Promise<JobListRow[]> {
  return jobRowsById(db, tenant, (await statement(db, letterIds, tenant, maxExamined).all<{ id: string }>()).results);
}

/** The jobs of these ids, in no order. */
export async function jobRowsById(db: D1Database, tenant: string, found: readonly { id: string }[]): Promise<JobListRow[]> {
  const ids = [...new Set(found.map(({ id }) => id))];
  return ids.length === 0 ? [] : (await statement(db, byIds, tenant, JSON.stringify(ids)).all<JobListRow>()).results;
}

/** As above, as lists show them. */
export async function jobsById(db: D1Database, tenant: string, ids: readonly string[]): Promise<JobView[]> {
  const rows = await jobRowsById(
    db,
    tenant,
    ids.map((id) => ({ id })),
  );
  return rows.map(jobViewOf);
}

/** One page of a complete list of rows. */
export function pageOfJobs(rows: readonly JobListRow[], filter: JobFilter, page: PageBounds): { jobs: JobView[]; cursor: string | null } {
  const sorted = newestFirst(rows, page.cursor ?? end, filter);
  const pageRows = sorted.slice(0, page.limit);
  return { jobs: pageRows.map(jobViewOf), cursor: sorted.length > pageRows.length ? (pageRows.at(-1)?.position ?? null) : null };
}

/** The rows below a position that match the filter. */
export function newestFirst(rows: readonly JobListRow[], below: string, filter: JobFilter): JobListRow[] {
  return rows
    .filter((row) => row.position < below && matchesFilter(row, filter) && isInRange(row, filter))
    .toSorted((left, right) => (left.position < right.position ? 1 : -1));
}

/** Entity keys are compared whole, in three spellings: as typed, in lower case, and with the part after the colon in capitals. */
function keysOf(q: string): string[] {
  const colon = q.indexOf(":") + 1;
  return [...new Set([q, q.toLowerCase(), q.slice(0, colon).toLowerCase() + q.slice(colon).toUpperCase()])];
}
