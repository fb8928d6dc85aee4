import { dayMs } from "../../time/day";
import { changes, statement } from "../../d1";
import type { CampaignObjects } from "./objects";

/** Days after which the recipients of an ended, or never started, campaign are deleted. Its counts stay. */
export const recipientDays = 30;
/** Campaigns of one tick. */
const maxCampaigns = 5;
const maxRows = 5000;

interface ForgetDeps {
  db: D1Database;
  objects: CampaignObjects;
  countsOf(tenant: string, campaign: string): Promise<Record<string, number>>;
}

/** For the tick, for all tenants: deletes old lists, rendered pages and rows of recipients. Returns the number of rows and campaigns. */
export async function forgetRecipients({ db, objects, countsOf }: ForgetDeps, now: number): Promise<number> {
  const sql = `
    SELECT tenant, id FROM campaigns INDEXED BY campaigns_with_list
    WHERE list IS NOT NULL AND updated < ?1 AND state IN ('draft', 'done', 'cancelled') ORDER BY updated LIMIT ?2`;
  const { results } = await statement(db, sql, now - recipientDays * dayMs, maxCampaigns).all<{ tenant: string; id: string }>();
  let forgotten = 0;
  for (const { tenant, id } of results) {
    await objects.removeAll(tenant, id);
    const removed = await removeRows(db, tenant, id);
    forgotten += removed;
    // The next tick continues with this campaign.
    if (removed >= maxRows) return forgotten;
    const events = JSON.stringify(await countsOf(tenant, id));
    const lost = await lostOf(db, tenant, id);
    await db.batch([
      db.prepare("DELETE FROM campaign_pages WHERE tenant = ?1 AND campaign = ?2").bind(tenant, id),
      statement(db, "UPDATE campaigns SET list = NULL, events = ?3, failed = failed + ?4 WHERE tenant = ?1 AND id = ?2", tenant, id, events, lost),
    ]);
    forgotten++;
  }
  return forgotten;
}

async function removeRows(db: D1Database, tenant: string, id: string): Promise<number> {
  const some = "SELECT hash FROM campaign_recipients WHERE tenant = ?1 AND campaign = ?2 LIMIT ?3";
  const sql = `DELETE FROM campaign_recipients WHERE tenant = ?1 AND campaign = ?2 AND hash IN (${some})`;
  return changes(db, sql, tenant, id, maxRows);
}

/** Recipients of pages that were never sent and can no longer be sent. */
async function lostOf(db: D1Database, tenant: string, id: string): Promise<number> {
  const sql = "SELECT coalesce(sum(count), 0) AS lost FROM campaign_pages WHERE tenant = ?1 AND campaign = ?2";
  return (await db.prepare(sql).bind(tenant, id).first<number>("lost")) ?? 0;
}
