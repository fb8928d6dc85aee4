import { statement } from "../d1";

/** Newest dead letters that are read: messages buried unread appear in no counter. */
const maxLetters = 2000;

/**
 * A job of a type leaves one of these: durations of its runs (kept for ever), daily counts, minute counts not yet added to a day, a dead letter.
 * ?1 tenant, ?2 type.
 */
const sql = `
  SELECT EXISTS (SELECT 1 FROM durations WHERE tenant = ?1 AND type = ?2)
    OR EXISTS (SELECT 1 FROM usage_days WHERE tenant = ?1 AND type = ?2)
    OR EXISTS (SELECT 1 FROM counters WHERE tenant = ?1 AND type = ?2
      AND minute >= coalesce((SELECT CAST(position AS INTEGER) FROM watermarks WHERE tenant = '*' AND walk = 'usage-days'), 0))
    OR EXISTS (SELECT 1 FROM (SELECT type FROM dead_letters WHERE tenant = ?1 ORDER BY died DESC LIMIT ${maxLetters}) WHERE type = ?2) AS known`;

/** Whether the ledger has ever had a job of this type and tenant. */
export async function hasType(db: D1Database, tenant: string, type: string): Promise<boolean> {
  return (await statement(db, sql, tenant, type).first<{ known: number }>())?.known === 1;
}
