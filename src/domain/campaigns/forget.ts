import type { CampaignObjects } from "./objects";

/** Days after which the recipients of a campaign that ended, or was never started, are forgotten. Its counts stay. */
export const recipientDays = 30;
/** Milliseconds. */
const day = 24 * 3_600_000;
/** Of one tick. */
const maxCampaigns = 5;
const maxRows = 5000;

export interface ForgetDeps {
  db: D1Database;
  objects: CampaignObjects;
  countsOf(tenant: string, campaign: string): Promise<Record<string, number>>;
}

/** For the tick, of all tenants: lists, rendered pages and rows of recipients that are too old go. Returns how many rows and campaigns. */
export async function forgetRecipients({ db, objects, countsOf }: ForgetDeps, now: number): Promise<number> {
  const sql = `
    SELECT tenant, id FROM campaigns INDEXED BY campaigns_with_list
    WHERE list IS NOT NULL AND updated < ?1 AND state IN ('draft', 'done', 'cancelled') ORDER BY updated LIMIT ?2`;
  const { results } = await db
    .prepare(sql)
    .bind(now - recipientDays * day, maxCampaigns)
    .all<{ tenant: string; id: string }>();
  let forgotten = 0;
  for (const { tenant, id } of results) {
    await objects.removeAll(tenant, id);
    const removed = await removeRows(db, tenant, id);
    forgotten += removed;
    // The next tick goes on with it.
    if (removed >= maxRows) return forgotten;
    await db.batch([
      db.prepare("DELETE FROM campaign_pages WHERE tenant = ?1 AND campaign = ?2").bind(tenant, id),
      db
        .prepare("UPDATE campaigns SET list = NULL, events = ?3, failed = failed + ?4 WHERE tenant = ?1 AND id = ?2")
        .bind(tenant, id, JSON.stringify(await countsOf(tenant, id)), await lostOf(db, tenant, id)),
    ]);
    forgotten++;
  }
  return forgotten;
}

async function removeRows(db: D1Database, tenant: string, id: string): Promise<number> {
  const some = "SELECT hash FROM campaign_recipients WHERE tenant = ?1 AND campaign = ?2 LIMIT ?3";
  const sql = `DELETE FROM campaign_recipients WHERE tenant = ?1 AND campaign = ?2 AND hash IN (${some})`;
  return (await db.prepare(sql).bind(tenant, id, maxRows).run()).meta.changes;
}

/** Recipients of pages that were never sent and no longer can be. */
async function lostOf(db: D1Database, tenant: string, id: string): Promise<number> {
  const sql = "SELECT coalesce(sum(count), 0) AS lost FROM campaign_pages WHERE tenant = ?1 AND campaign = ?2";
  return (await db.prepare(sql).bind(tenant, id).first<number>("lost")) ?? 0;
}
