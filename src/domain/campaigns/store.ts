import type { Campaign, CampaignInput, CampaignScope, CampaignState, LeftOut, PageCounts } from "./model";
import type { PagePlace } from "./objects";
import { campaignFrom, type CampaignRow } from "./queries";

export async function createCampaign({ db, tenant, id }: CampaignScope, input: CampaignInput, now: number): Promise<void> {
  const { name, templateId, variables = {}, ratePerMinute = null, window } = input;
  await db
    .prepare(
      `INSERT INTO campaigns (tenant, id, name, template, variables, rate, send_window, state, created, updated)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'draft', ?8, ?8)`,
    )
    .bind(tenant, id, name, templateId, JSON.stringify(variables), ratePerMinute, window === undefined ? null : JSON.stringify(window), now)
    .run();
}

/** Makes this the list of a draft. The object it replaces comes back; false: it is no draft any more. */
export async function setList(
  { db, tenant, id }: CampaignScope,
  { list, bytes, total }: { list: string; bytes: number; total: number },
  now: number,
): Promise<{ former: string | null } | false> {
  const [before, after] = await db.batch<{ list: string | null }>([
    db.prepare("SELECT list FROM campaigns WHERE tenant = ?1 AND id = ?2").bind(tenant, id),
    db
      .prepare("UPDATE campaigns SET list = ?3, bytes = ?4, total = ?5, updated = ?6 WHERE tenant = ?1 AND id = ?2 AND state = 'draft' RETURNING list")
      .bind(tenant, id, list, bytes, total, now),
  ]);
  return after?.results.length ? { former: before?.results[0]?.list ?? null } : false;
}

/** From one state to another. False: it was in none of them. */
export async function moveCampaign({ db, tenant, id }: CampaignScope, from: readonly CampaignState[], to: CampaignState, now: number): Promise<boolean> {
  const sql = `
    UPDATE campaigns SET state = ?4, updated = ?5, ended = iif(?4 = 'cancelled', ?5, ended)
    WHERE tenant = ?1 AND id = ?2 AND state IN (SELECT value FROM json_each(?3))`;
  return (await db.prepare(sql).bind(tenant, id, JSON.stringify(from), to, now).run()).meta.changes > 0;
}

/** A draft with recipients begins to run. False: it is none. */
export async function startCampaign(
  { db, tenant, id }: CampaignScope,
  { zone, templateVersion }: { zone: string; templateVersion: number },
  now: number,
): Promise<boolean> {
  const sql = `
    UPDATE campaigns SET state = 'running', zone = ?3, template_version = ?4, pinned = ?5, started = ?5, updated = ?5
    WHERE tenant = ?1 AND id = ?2 AND state = 'draft' AND total > 0`;
  return (await db.prepare(sql).bind(tenant, id, zone, templateVersion, now).run()).meta.changes > 0;
}

export async function setJob({ db, tenant, id }: CampaignScope, job: string): Promise<void> {
  await db.prepare("UPDATE campaigns SET job = ?3 WHERE tenant = ?1 AND id = ?2").bind(tenant, id, job).run();
}

/** Times that pages had before a pause are given anew. */
export async function forgetSlots({ db, tenant, id }: CampaignScope, now: number): Promise<void> {
  await db.batch([
    db.prepare("UPDATE campaign_pages SET slot = NULL WHERE tenant = ?1 AND campaign = ?2").bind(tenant, id),
    db.prepare("UPDATE campaigns SET next_at = ?3 WHERE tenant = ?1 AND id = ?2").bind(tenant, id, now),
  ]);
}

/** The next pages, and how far the list is cut: each before its job is enqueued. */
export function planPages({ db, tenant, id }: CampaignScope, pages: readonly PagePlace[], next: { offset: number; page: number }): D1PreparedStatement[] {
  return [
    db
      .prepare(
        `INSERT INTO campaign_pages (tenant, campaign, page, job, count, offset, length)
       SELECT ?1, ?2, value ->> 0, '', value ->> 1, value ->> 2, value ->> 3 FROM json_each(?3)`,
      )
      .bind(tenant, id, JSON.stringify(pages.map(({ page, count, offset, length }) => [page, count, offset, length]))),
    db.prepare("UPDATE campaigns SET next_offset = ?3, next_page = ?4 WHERE tenant = ?1 AND id = ?2").bind(tenant, id, next.offset, next.page),
  ];
}

/** Their jobs are enqueued. */
export async function setPageJobs({ db, tenant, id }: CampaignScope, pages: readonly { page: number; job: string }[]): Promise<void> {
  await db
    .prepare(
      `UPDATE campaign_pages SET job = e.job FROM (SELECT value ->> 0 AS page, value ->> 1 AS job FROM json_each(?3)) AS e
       WHERE campaign_pages.tenant = ?1 AND campaign_pages.campaign = ?2 AND campaign_pages.page = e.page AND campaign_pages.job = ''`,
    )
    .bind(tenant, id, JSON.stringify(pages.map(({ page, job }) => [page, job])))
    .run();
}

/** A page's campaign; the page is noted as enqueued by this job. `isOpen`: it has not ended. */
export async function beginPage({ db, tenant, id }: CampaignScope, page: number, job: string): Promise<{ campaign: Campaign; isOpen: boolean } | null> {
  const place = "tenant = ?1 AND campaign = ?2 AND page = ?3";
  const [, found] = await db.batch<CampaignRow & { open: number }>([
    db.prepare(`UPDATE campaign_pages SET job = ?4 WHERE ${place} AND job = ''`).bind(tenant, id, page, job),
    db.prepare(`SELECT *, EXISTS (SELECT 1 FROM campaign_pages WHERE ${place}) AS open FROM campaigns WHERE tenant = ?1 AND id = ?2`).bind(tenant, id, page),
  ]);
  const row = found?.results[0];
  return row ? { campaign: campaignFrom(row), isOpen: row.open === 1 } : null;
}

/** With a rate: the time from which on the page may be sent, the same when it asks again. */
export async function reserveSlot({ db, tenant, id }: CampaignScope, page: number, count: number, ratePerMinute: number, now: number): Promise<number> {
  const place = "tenant = ?1 AND campaign = ?2 AND page = ?3";
  const isNew = `EXISTS (SELECT 1 FROM campaign_pages WHERE ${place} AND slot IS NULL)`;
  const [, , found] = await db.batch<{ slot: number | null }>([
    db
      .prepare(`UPDATE campaigns SET next_at = max(next_at, ?4) + ?5 WHERE tenant = ?1 AND id = ?2 AND ${isNew}`)
      .bind(tenant, id, page, now, Math.ceil((count * 60_000) / ratePerMinute)),
    db
      .prepare(`UPDATE campaign_pages SET slot = (SELECT next_at FROM campaigns WHERE tenant = ?1 AND id = ?2) - ?4 WHERE ${place} AND slot IS NULL`)
      .bind(tenant, id, page, Math.ceil((count * 60_000) / ratePerMinute)),
    db.prepare(`SELECT slot FROM campaign_pages WHERE ${place}`).bind(tenant, id, page),
  ]);
  return found?.results[0]?.slot ?? now;
}

/** Makes mailboxes the page's own, but those that are another's already. The first row of a mailbox counts. Returns the hashes with their lines. */
export async function claimRecipients(
  { db, tenant, id }: CampaignScope,
  page: number,
  recipients: readonly { hash: string; line: number }[],
): Promise<Map<string, number>> {
  const rows = JSON.stringify(recipients.map(({ hash, line }) => [hash, line]));
  const [, own] = await db.batch<{ hash: string; line: number }>([
    db
      .prepare(
        `INSERT INTO campaign_recipients (tenant, campaign, hash, page, line)
         SELECT ?1, ?2, value ->> 0, ?4, value ->> 1 FROM json_each(?3) WHERE TRUE ON CONFLICT DO NOTHING`,
      )
      .bind(tenant, id, rows, page),
    db
      .prepare(
        `SELECT r.hash, r.line FROM json_each(?3) e CROSS JOIN campaign_recipients r
         ON r.tenant = ?1 AND r.campaign = ?2 AND r.hash = e.value ->> 0 WHERE r.page = ?4`,
      )
      .bind(tenant, id, rows, page),
  ]);
  return new Map((own?.results ?? []).map(({ hash, line }) => [hash, line]));
}

/** What a page's end writes, together with its cursor. */
export function endPage({ db, tenant, id }: CampaignScope, page: number, counts: PageCounts, left: readonly LeftOut[]): D1PreparedStatement[] {
  const { sent, failed, suppressed, duplicates } = counts;
  return [
    db.prepare("DELETE FROM campaign_pages WHERE tenant = ?1 AND campaign = ?2 AND page = ?3").bind(tenant, id, page),
    db
      .prepare(
        `UPDATE campaigns SET sent = sent + ?3, failed = failed + ?4, suppressed = suppressed + ?5, duplicates = duplicates + ?6
         WHERE tenant = ?1 AND id = ?2`,
      )
      .bind(tenant, id, sent, failed, suppressed, duplicates),
    ...(left.length === 0 ? [] : [leave(db, tenant, id, left)]),
  ];
}

/** All pages have ended. A pause that came meanwhile has nothing left to hold back. */
export function endCampaign({ db, tenant, id }: CampaignScope, now: number): D1PreparedStatement {
  return db
    .prepare("UPDATE campaigns SET state = 'done', ended = ?3, updated = ?3 WHERE tenant = ?1 AND id = ?2 AND state IN ('running', 'paused')")
    .bind(tenant, id, now);
}

function leave(db: D1Database, tenant: string, id: string, left: readonly LeftOut[]): D1PreparedStatement {
  const rows = JSON.stringify(left.map(({ hash, state, reason, providerMessage }) => [hash, state, reason.slice(0, 500), providerMessage?.slice(0, 500)]));
  return db
    .prepare(
      `UPDATE campaign_recipients SET state = l.state, reason = l.reason, provider_message = l.provider_message
       FROM (SELECT value ->> 0 AS hash, value ->> 1 AS state, value ->> 2 AS reason, value ->> 3 AS provider_message FROM json_each(?3)) AS l
       WHERE campaign_recipients.tenant = ?1 AND campaign_recipients.campaign = ?2 AND campaign_recipients.hash = l.hash`,
    )
    .bind(tenant, id, rows);
}
