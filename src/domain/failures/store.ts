import type { Decision } from "./model";

/** Groups kept of one tenant, and how long one is kept that does not fail any more. */
const maxGroups = 2000;
const keptMs = 90 * 24 * 3_600_000;
/** Groups that one call removes. */
const maxRemoved = 1000;

/** Sets the status of a group; counting starts anew. False: there is no such group. */
export async function decide(
  db: D1Database,
  tenant: string,
  group: string,
  { status, untilCount, note }: Decision,
  actor: string,
  now: number,
): Promise<boolean> {
  const sql = `UPDATE failure_groups SET status = ?3, until_count = ?4, note = ?5, actor = ?6, status_at = ?7, since_count = 0 WHERE tenant = ?1 AND grp = ?2`;
  const values = [tenant, group, status, untilCount ?? null, note ?? null, actor, now];
  const { meta } = await db
    .prepare(sql)
    .bind(...values)
    .run();
  return meta.changes > 0;
}

/** Groups that have not failed for 90 days, and of each tenant those beyond the 2,000 that failed last. */
export async function forgetOld(db: D1Database, now: number): Promise<number> {
  const sql = `
    DELETE FROM failure_groups WHERE (tenant, grp) IN (SELECT tenant, grp FROM (
      SELECT tenant, grp, last_at, row_number() OVER (PARTITION BY tenant ORDER BY last_at DESC) AS place FROM failure_groups)
      WHERE last_at < ?1 OR place > ?2 LIMIT ?3)`;
  const { meta } = await db
    .prepare(sql)
    .bind(now - keptMs, maxGroups, maxRemoved)
    .run();
  return meta.changes;
}
