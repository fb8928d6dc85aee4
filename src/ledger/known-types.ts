import { statement } from "../d1";

/** Newest dead letters that are looked at: what was buried unread is counted nowhere else. */
const maxLetters = 2000;

/**
 * What a job of a type leaves behind: the times of its runs for good, its days, the minutes that are not added up to a day yet, a dead letter.
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
