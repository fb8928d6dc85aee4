import { dayMs } from "../../time/day";
import { changes } from "../../d1";
import type { GroupDecision } from "./model";

/** Groups kept for each tenant, and how long a group is kept after its last failure. */
const maxGroups = 2000;
const keptMs = 90 * dayMs;
/** Groups that one call deletes. */
const maxRemoved = 1000;

/** Sets the status of a group and restarts its count. False: there is no such group. */
export async function decideGroup(
  db: D1Database,
  tenant: string,
  group: string,
  { status, untilCount, note }: GroupDecision,
  actor: string,
  now: number,
): Promise<boolean> {
  const sql = `UPDATE failure_groups SET status = ?3, until_count = ?4, note = ?5, actor = ?6, status_at = ?7, since_count = 0 WHERE tenant = ?1 AND grp = ?2`;
  const values = [tenant, group, status, untilCount ?? null, note ?? null, actor, now];
  return (await changes(db, sql, ...values)) > 0;
}

/** Deletes groups that have not failed for 90 days, and those beyond the 2,000 of each tenant that failed last. */
export async function removeOldGroups(db: D1Database, now: number): Promise<number> {
  const sql = `
    DELETE FROM failure_groups WHERE (tenant, grp) IN (SELECT tenant, grp FROM (
      SELECT tenant, grp, last_at, row_number() OVER (PARTITION BY tenant ORDER BY last_at DESC) AS place FROM failure_groups)
      WHERE last_at < ?1 OR place > ?2 LIMIT ?3)`;
  return changes(db, sql, now - keptMs, maxGroups, maxRemoved);
}
