import { rowsOf } from "../../d1";
import type { Acknowledgement, Campaign, CampaignInput, CampaignScope, CampaignState, LeftOut, PageCounts } from "./model";
import type { PagePlace } from "./objects";
import { campaignFrom, type CampaignRow } from "./queries";
import type { FailureSeverity } from "./trouble";
import { minuteMs } from "../../time/day";

/** A statement whose first two parameters are tenant and campaign. */
function statement({ db, tenant, id }: CampaignScope, sql: string, ...values: (string | number | null)[]): D1PreparedStatement {
  return db.prepare(sql).bind(tenant, id, ...values);
}

async function write(scope: CampaignScope, sql: string, ...values: (string | number | null)[]): Promise<boolean> {
  return (await statement(scope, sql, ...values).run()).meta.changes > 0;
}

export async function createCampaign(scope: CampaignScope, input: CampaignInput, now: number): Promise<void> {
  const { name, templateId, variables = {}, ratePerMinute = null, window } = input;
  const sendWindow = window === undefined ? null : JSON.stringify(window);
  await write(scope, insertSql, name, templateId, JSON.stringify(variables), ratePerMinute, sendWindow, now);
}

/** Makes this object the list of a draft, and returns the object that it replaces. False: the campaign is no draft. */
export async function setList(
  scope: CampaignScope,
  { list, bytes, total }: { list: string; bytes: number; total: number },
  now: number,
): Promise<{ former: string | null } | false> {
  const sql = "UPDATE campaigns SET list = ?3, bytes = ?4, total = ?5, updated = ?6 WHERE tenant = ?1 AND id = ?2 AND state = 'draft' RETURNING list";
  const [before, after] = await scope.db.batch<{ list: string | null }>([
    statement(scope, "SELECT list FROM campaigns WHERE tenant = ?1 AND id = ?2"),
    statement(scope, sql, list, bytes, total, now),
  ]);
  return after?.results.length ? { former: before?.results[0]?.list ?? null } : false;
}

/** Changes the state from one of `from` to `to`. False: the campaign was in none of them. */
export function moveCampaign(scope: CampaignScope, from: readonly CampaignState[], to: CampaignState, now: number): Promise<boolean> {
  const sql = `
    UPDATE campaigns SET state = ?4, updated = ?5, ended = iif(?4 = 'cancelled', ?5, ended)
    WHERE tenant = ?1 AND id = ?2 AND state IN (SELECT value FROM json_each(?3))`;
  return write(scope, sql, JSON.stringify(from), to, now);
}

/** Starts a draft that has recipients. False: it is none. */
export function startCampaign(scope: CampaignScope, { zone, templateVersion }: { zone: string; templateVersion: number }, now: number): Promise<boolean> {
  const sql = `
    UPDATE campaigns SET state = 'running', zone = ?3, template_version = ?4, pinned = ?5, started = ?5, updated = ?5
    WHERE tenant = ?1 AND id = ?2 AND state = 'draft' AND total > 0`;
  return write(scope, sql, zone, templateVersion, now);
}

export async function setJob(scope: CampaignScope, job: string): Promise<void> {
  await write(scope, "UPDATE campaigns SET job = ?3 WHERE tenant = ?1 AND id = ?2", job);
}

/** Removes the times that pages were given before a pause; each page reserves a new one. */
export async function forgetSlots(scope: CampaignScope, now: number): Promise<void> {
  await scope.db.batch([
    statement(scope, "UPDATE campaign_pages SET slot = NULL WHERE tenant = ?1 AND campaign = ?2"),
    statement(scope, "UPDATE campaigns SET next_at = ?3 WHERE tenant = ?1 AND id = ?2", now),
  ]);
}

/** Statements that record the next pages, and where those after them begin. They commit before the pages' jobs are enqueued. */
export function planPages(scope: CampaignScope, pages: readonly PagePlace[], next: { offset: number; page: number }): D1PreparedStatement[] {
  const places = JSON.stringify(pages.map(({ page, count, offset, length }) => [page, count, offset, length]));
  return [
    statement(scope, insertPagesSql, places),
    statement(scope, "UPDATE campaigns SET next_offset = ?3, next_page = ?4 WHERE tenant = ?1 AND id = ?2", next.offset, next.page),
  ];
}

/** Records the jobs that were enqueued for these pages. */
export async function setPageJobs(scope: CampaignScope, pages: readonly { page: number; job: string }[]): Promise<void> {
  await write(scope, setPageJobsSql, JSON.stringify(pages.map(({ page, job }) => [page, job])));
}

/** The campaign of a page; records that this job is the page's. `isOpen`: the page has not ended. Null: there is no such campaign. */
export async function beginPage(scope: CampaignScope, page: number, job: string): Promise<{ campaign: Campaign; isOpen: boolean } | null> {
  const results = await scope.db.batch<Record<string, unknown>>([
    statement(scope, `UPDATE campaign_pages SET job = ?4 WHERE ${thisPage} AND job = ''`, page, job),
    statement(scope, `SELECT *, EXISTS (SELECT 1 FROM campaign_pages WHERE ${thisPage}) AS open FROM campaigns WHERE tenant = ?1 AND id = ?2`, page),
  ]);
  const [row] = rowsOf<CampaignRow & { open: number }>(results, 1);
  return row ? { campaign: campaignFrom(row), isOpen: row.open === 1 } : null;
}

/** The time from which the page may be sent by the campaign's rate (milliseconds); the same when it is asked again. */
export async function reserveSlot(scope: CampaignScope, page: number, count: number, ratePerMinute: number, now: number): Promise<number> {
  const isNew = `EXISTS (SELECT 1 FROM campaign_pages WHERE ${thisPage} AND slot IS NULL)`;
  const slotSql = `UPDATE campaign_pages SET slot = (SELECT next_at FROM campaigns WHERE tenant = ?1 AND id = ?2) - ?4 WHERE ${thisPage} AND slot IS NULL`;
  const durationMs = Math.ceil((count * minuteMs) / ratePerMinute);
  const results = await scope.db.batch<Record<string, unknown>>([
    statement(scope, `UPDATE campaigns SET next_at = max(next_at, ?4) + ?5 WHERE tenant = ?1 AND id = ?2 AND ${isNew}`, page, now, durationMs),
    statement(scope, slotSql, page, durationMs),
    statement(scope, `SELECT slot FROM campaign_pages WHERE ${thisPage}`, page),
  ]);
  return rowsOf<{ slot: number | null }>(results, 2)[0]?.slot ?? now;
}

/** Assigns mailboxes to the page, except those that another page has. The first row of a mailbox counts. Returns the line of each hash. */
export async function claimRecipients(scope: CampaignScope, page: number, recipients: readonly { hash: string; line: number }[]): Promise<Map<string, number>> {
  const rows = JSON.stringify(recipients.map(({ hash, line }) => [hash, line]));
  const results = await scope.db.batch<Record<string, unknown>>([statement(scope, claimSql, rows, page), statement(scope, ownRecipientsSql, rows, page)]);
  return new Map(rowsOf<{ hash: string; line: number }>(results, 1).map(({ hash, line }) => [hash, line]));
}

/** Statements that end a page; they commit with its cursor. */
export function endPage(scope: CampaignScope, page: number, counts: PageCounts, left: readonly LeftOut[]): D1PreparedStatement[] {
  const { sent, failed, suppressed, duplicates } = counts;
  const rows = left.map(({ hash, state, reason, providerMessage }) => [hash, state, reason.slice(0, 500), providerMessage?.slice(0, 500)]);
  return [
    statement(scope, `DELETE FROM campaign_pages WHERE ${thisPage}`, page),
    statement(scope, countSql, sent, failed, suppressed, duplicates),
    ...(rows.length === 0 ? [] : [statement(scope, leaveOutSql, JSON.stringify(rows))]),
  ];
}

/** The statement that ends a campaign, a paused one too: all its pages have ended, so there is nothing to hold back. */
export function endCampaign(scope: CampaignScope, now: number): D1PreparedStatement {
  const sql = "UPDATE campaigns SET state = 'done', ended = ?3, updated = ?3 WHERE tenant = ?1 AND id = ?2 AND state IN ('running', 'paused')";
  return statement(scope, sql, now);
}

export async function acknowledgeFailures(scope: CampaignScope, { failed, at }: Acknowledgement, severity: FailureSeverity): Promise<void> {
  const sql = "UPDATE campaigns SET acknowledged = ?3, acknowledged_at = ?4, acknowledged_severity = ?5 WHERE tenant = ?1 AND id = ?2";
  await write(scope, sql, failed, at, severity);
}

const thisPage = "tenant = ?1 AND campaign = ?2 AND page = ?3";

const insertSql = `
  INSERT INTO campaigns (tenant, id, name, template, variables, rate, send_window, state, created, updated)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'draft', ?8, ?8)`;

const insertPagesSql = `
  INSERT INTO campaign_pages (tenant, campaign, page, job, count, offset, length)
  SELECT ?1, ?2, value ->> 0, '', value ->> 1, value ->> 2, value ->> 3 FROM json_each(?3)`;

const setPageJobsSql = `
  UPDATE campaign_pages SET job = e.job FROM (SELECT value ->> 0 AS page, value ->> 1 AS job FROM json_each(?3)) AS e
  WHERE campaign_pages.tenant = ?1 AND campaign_pages.campaign = ?2 AND campaign_pages.page = e.page AND campaign_pages.job = ''`;

const claimSql = `
  INSERT INTO campaign_recipients (tenant, campaign, hash, page, line)
  SELECT ?1, ?2, value ->> 0, ?4, value ->> 1 FROM json_each(?3) WHERE TRUE ON CONFLICT DO NOTHING`;

const ownRecipientsSql = `
  SELECT r.hash, r.line FROM json_each(?3) e CROSS JOIN campaign_recipients r
  ON r.tenant = ?1 AND r.campaign = ?2 AND r.hash = e.value ->> 0 WHERE r.page = ?4`;

const countSql = `
  UPDATE campaigns SET sent = sent + ?3, failed = failed + ?4, suppressed = suppressed + ?5, duplicates = duplicates + ?6
  WHERE tenant = ?1 AND id = ?2`;

const leaveOutSql = `
  UPDATE campaign_recipients SET state = l.state, reason = l.reason, provider_message = l.provider_message
  FROM (SELECT value ->> 0 AS hash, value ->> 1 AS state, value ->> 2 AS reason, value ->> 3 AS provider_message FROM json_each(?3)) AS l
  WHERE campaign_recipients.tenant = ?1 AND campaign_recipients.campaign = ?2 AND campaign_recipients.hash = l.hash`;
