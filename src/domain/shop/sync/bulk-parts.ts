import { siteRows, type SiteScope, siteStatement } from "../scope";
import type { UnreadableRow } from "./unreadable";
import type { DateRange } from "./date-range";

/** The result of reading a part. */
interface ReadPart {
  from: number;
  orders: number;
  changed: number;
  deleted: number;
  unreadable: readonly UnreadableRow[];
  warnings: readonly string[];
}

/** A part of a bulk run. */
export interface BulkPart extends DateRange, ReadPart {
  isRead: boolean;
  job: string | null;
  /** State of its job; null before its row exists. */
  state: string | null;
}

/** Statements that record the parts of a bulk run before any is enqueued, and delete those of earlier runs. */
export function recordBulkParts(scope: SiteScope, run: string, spans: readonly DateRange[]): D1PreparedStatement[] {
  return [siteStatement(scope, leftSql, run), siteStatement(scope, recordSql, JSON.stringify(spans.map(({ from, to }) => [from, to])), run)];
}

/** Statements that record the job of each part. */
export function nameBulkParts(scope: SiteScope, run: string, jobs: readonly { from: number; job: string }[]): D1PreparedStatement {
  return siteStatement(scope, nameSql, JSON.stringify(jobs.map(({ from, job }) => [from, job])), run);
}

export async function bulkParts(scope: SiteScope, run: string): Promise<BulkPart[]> {
  const rows = await siteRows<Omit<BulkPart, "isRead" | keyof Notes> & { done: number; notes: string | null }>(scope, partsSql, run);
  return rows.map(({ done, notes, ...part }) => ({ ...part, ...(notes === null ? noNotes : (JSON.parse(notes) as Notes)), isRead: done === 1 }));
}

type Notes = Pick<ReadPart, "unreadable" | "warnings">;
const noNotes: Notes = { unreadable: [], warnings: [] };

/** A part that is to be read. Null: no run has opened it, or it is read already. */
export async function unreadPart(scope: SiteScope, run: string, { from, to }: DateRange): Promise<{ isNewest: boolean } | null> {
  const [row] = await siteRows<{ newest: number }>(scope, unreadPartSql, run, from, to);
  return row ? { isNewest: row.newest === to } : null;
}

/** Statements that record a part as read; with the last part, the whole range. */
export function recordPartRead(scope: SiteScope, run: string, part: ReadPart, now: number): D1PreparedStatement[] {
  const { from, orders, changed, deleted, unreadable, warnings } = part;
  return [
    siteStatement(scope, partReadSql, run, from, orders, changed, deleted, JSON.stringify({ unreadable, warnings })),
    siteStatement(scope, wholeRunSql, run, now),
  ];
}

/** The statement that deletes the parts of an ended run. */
export function removeBulkParts(scope: SiteScope, run: string): D1PreparedStatement {
  return siteStatement(scope, "DELETE FROM shop_windows WHERE tenant = ?1 AND site = ?2 AND run = ?3", run);
}

const recordSql = `
  INSERT INTO shop_windows (tenant, site, run, start, until)
  SELECT ?1, ?2, ?4, value ->> 0, value ->> 1 FROM json_each(?3) WHERE true ON CONFLICT DO NOTHING`;

/** Parts that were replayed and read after their run had ended. */
const leftSql = `
  DELETE FROM shop_windows WHERE tenant = ?1 AND site = ?2 AND run <> ?3
    AND NOT EXISTS (SELECT 1 FROM shop_windows w WHERE w.tenant = ?1 AND w.site = ?2 AND w.run = shop_windows.run AND w.done = 0)
    AND EXISTS (SELECT 1 FROM jobs j WHERE j.tenant = ?1 AND j.id = shop_windows.run AND j.state IN ('done', 'dead', 'discarded', 'cancelled'))`;

const nameSql = `
  UPDATE shop_windows SET job = e.value ->> 1 FROM json_each(?3) e
  WHERE shop_windows.tenant = ?1 AND shop_windows.site = ?2 AND shop_windows.run = ?4 AND shop_windows.start = e.value ->> 0`;

const partsSql = `
  SELECT w.start AS "from", w.until AS "to", w.done, w.orders, w.changed, w.deleted, w.notes, w.job, j.state FROM shop_windows w
  LEFT JOIN jobs j ON j.tenant = ?1 AND j.id = w.job
  WHERE w.tenant = ?1 AND w.site = ?2 AND w.run = ?3 ORDER BY w.start`;

const unreadPartSql = `
  SELECT (SELECT max(until) FROM shop_windows WHERE tenant = ?1 AND site = ?2 AND run = ?3) AS newest
  FROM shop_windows WHERE tenant = ?1 AND site = ?2 AND run = ?3 AND start = ?4 AND until = ?5 AND done = 0`;

const partReadSql = `
  UPDATE shop_windows SET done = 1, orders = ?5, changed = ?6, deleted = ?7, notes = ?8 WHERE tenant = ?1 AND site = ?2 AND run = ?3 AND start = ?4`;

const wholeRunSql = `
  UPDATE shop_sites SET orders_at = ?4, orders_to = CASE WHEN orders_to IS NULL OR (w.first <= orders_to AND w.last > orders_to) THEN w.last ELSE orders_to END
  FROM (SELECT min(start) AS first, max(until) AS last, min(done) AS done FROM shop_windows WHERE tenant = ?1 AND site = ?2 AND run = ?3) w
  WHERE tenant = ?1 AND site = ?2 AND w.done = 1`;
