import { batch, rowsOf, statement } from "../d1";
import { hourMs, minuteMs } from "../time/day";

/** Jobs of one type that came to one event. */
export interface UsageCount {
  tenant: string;
  type: string;
  event: string;
  count: number;
  ms: number;
}

/** An hour is added to its day this long after its end: isolates write their counts up to two seconds late. Milliseconds. */
const settledAfterMs = 5 * minuteMs;
/** Hours that one tick adds to their days; after an outage more ticks follow. */
const maxHours = 6;

/** One seek a tenant. ?1 from, ?2 to (milliseconds), ?3 the day, ?4 the mark before, ?5 the mark after: an hour counts once, whatever ticks overlap. */
const addSql = `
  INSERT INTO usage_days (tenant, day, type, event, n, ms)
  WITH RECURSIVE each(tenant) AS (
    SELECT min(tenant) FROM counters UNION ALL SELECT (SELECT min(c.tenant) FROM counters c WHERE c.tenant > each.tenant) FROM each WHERE each.tenant IS NOT NULL)
  SELECT c.tenant, ?3, c.type, c.event, sum(c.n), sum(c.ms) FROM each CROSS JOIN counters c ON c.tenant = each.tenant
  WHERE c.minute >= ?1 AND c.minute < ?2 AND coalesce((SELECT position FROM watermarks WHERE tenant = '*' AND walk = 'usage-days'), '') = ?4
  GROUP BY 1, 3, 4
  ON CONFLICT DO UPDATE SET n = n + excluded.n, ms = ms + excluded.ms`;

const markSql = `
  INSERT INTO watermarks (tenant, walk, position) VALUES ('*', 'usage-days', ?2)
  ON CONFLICT DO UPDATE SET position = excluded.position WHERE position = ?1`;

/** Adds ended hours to their days. The first run begins with the latest ended hour. Returns the number of hours added. */
export async function addUpHours(db: D1Database, now: number): Promise<number> {
  const stored = await statement(db, `SELECT position FROM watermarks WHERE tenant = '*' AND walk = 'usage-days'`).first<{ position: string }>();
  const end = Math.floor((now - settledAfterMs) / hourMs) * hourMs;
  let mark = stored?.position ?? "";
  let from = mark === "" ? end - hourMs : Number(mark);
  let added = 0;
  for (; from < end && added < maxHours; from += hourMs, added++) {
    const next = String(from + hourMs);
    await batch(db, [statement(db, addSql, from, from + hourMs, dayOf(from), mark), statement(db, markSql, mark, next)]);
    mark = next;
  }
  return added;
}

const daysSql = `SELECT tenant, type, event, sum(n) AS count, sum(ms) AS ms FROM usage_days WHERE (?1 IS NULL OR tenant = ?1) AND day >= ?2 AND day <= ?3 GROUP BY 1, 2, 3`;
const minutesSql = `
  WITH RECURSIVE each(tenant) AS (
    SELECT min(tenant) FROM counters WHERE ?1 IS NULL UNION ALL SELECT ?1 WHERE ?1 IS NOT NULL UNION ALL
    SELECT (SELECT min(c.tenant) FROM counters c WHERE c.tenant > each.tenant) FROM each WHERE each.tenant IS NOT NULL AND ?1 IS NULL)
  SELECT c.tenant, c.type, c.event, sum(c.n) AS count, sum(c.ms) AS ms FROM each CROSS JOIN counters c ON c.tenant = each.tenant
  WHERE c.minute >= ?2 AND c.minute < ?3 GROUP BY 1, 2, 3`;

/** Events of jobs from the start of a day until now: whole hours from the daily counts, the rest from the minutes. Null: all tenants. */
export async function usageSince(db: D1Database, tenant: string | null, fromDay: string, now: number): Promise<UsageCount[]> {
  const stored = await statement(db, `SELECT position FROM watermarks WHERE tenant = '*' AND walk = 'usage-days'`).first<{ position: string }>();
  const from = Math.max(Number(stored?.position ?? 0), Date.parse(fromDay));
  const results = await batch(db, [statement(db, daysSql, tenant, fromDay, dayOf(now)), statement(db, minutesSql, tenant, from, now + minuteMs)]);
  return [...rowsOf<UsageCount>(results, 0), ...rowsOf<UsageCount>(results, 1)];
}

export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
