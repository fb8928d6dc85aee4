import { rowsOf, statement } from "../../d1";
import type { Campaign, CampaignScope, PageCounts } from "./model";
import type { JobState } from "../../queue/state";
import type { PagePlace } from "./objects";
import { paceReasons } from "./pace";
import type { SendWindow } from "./window";

/** A campaign with its counts. */
export interface CampaignReport extends Campaign, PageCounts {
  /** Recipients of pages that ended as dead letters. They count as failed until a replay. */
  lost: number;
  /** Counts of mail events, kept when the recipients were deleted. */
  events: Record<string, number> | null;
  /** Why a page waits. */
  waitingFor: string | null;
}

/** Open pages. */
export interface OpenPages {
  /** Pages that will still be sent. */
  open: number;
  /** Jobs of the enqueued ones. */
  jobs: string[];
  /** Recorded pages that were not enqueued: the run ended between the two. */
  planned: PagePlace[];
}

/** A running campaign whose job has ended or has no row. */
interface StrandedCampaign {
  tenant: string;
  id: string;
  /** State of its job; null: there is none. */
  state: JobState | null;
}

/** A recipient without a mail. */
interface LeftRecipient {
  line: number;
  state: "failed" | "suppressed";
  reason: string;
  /** The provider's message; for `admin` only. */
  providerMessage: string | null;
}

/** Recipients without a mail whose reasons are counted, reasons of an answer, and pages of an answer. */
export const [maxLeftExamined, maxReasons, maxLossPages] = [2000, 20, 50];

interface CampaignLosses {
  /** Those of most recipients first, of the first 2,000 without a mail. */
  reasons: { state: "failed" | "suppressed"; reason: string; count: number }[];
  /** Enqueued pages that are tried again, failed or wait for something else than the campaign's own pace. `state` null: its job is no longer kept. */
  pages: { page: number; count: number; job: string; state: JobState | null; reason: string | null }[];
}

export async function campaignOf({ db, tenant, id }: CampaignScope): Promise<Campaign | null> {
  const row = await db.prepare("SELECT * FROM campaigns WHERE tenant = ?1 AND id = ?2").bind(tenant, id).first<CampaignRow>();
  return row && campaignFrom(row);
}

export async function reportOf({ db, tenant, id }: CampaignScope): Promise<CampaignReport | null> {
  const [campaign, pages] = await db.batch<Record<string, unknown>>([
    db.prepare("SELECT * FROM campaigns WHERE tenant = ?1 AND id = ?2").bind(tenant, id),
    db.prepare(`SELECT p.count, p.job, j.state, j.reason ${pagesWithJobs}`).bind(tenant, id),
  ]);
  const row = campaign?.results[0] as unknown as CampaignRow | undefined;
  return row ? reportFrom(row, (pages?.results ?? []) as unknown as PageRow[]) : null;
}

/** The newest first. */
export async function listCampaigns(
  { db, tenant }: Omit<CampaignScope, "id">,
  { cursor, limit }: { cursor?: string | undefined; limit: number },
): Promise<{ campaigns: CampaignReport[]; cursor: string | null }> {
  const page = "SELECT * FROM campaigns WHERE tenant = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
  const pagesSql = `
    SELECT p.campaign, p.count, p.job, j.state, j.reason FROM (${page}) c CROSS JOIN campaign_pages p ON p.tenant = ?1 AND p.campaign = c.id
    LEFT JOIN jobs j ON j.tenant = ?1 AND j.id = p.job`;
  const results = await db.batch<Record<string, unknown>>([
    statement(db, page, tenant, cursor ?? "~", limit + 1),
    statement(db, pagesSql, tenant, cursor ?? "~", limit),
  ]);
  const rows = rowsOf<CampaignRow>(results, 0);
  const byCampaign = Map.groupBy(rowsOf<PageRow>(results, 1), ({ campaign }) => campaign);
  const campaigns = rows.slice(0, limit).map((row) => reportFrom(row, byCampaign.get(row.id) ?? []));
  return { campaigns, cursor: rows.length > limit ? (campaigns.at(-1)?.id ?? null) : null };
}

export async function pagesUnderWay({ db, tenant, id }: CampaignScope): Promise<OpenPages> {
  const sql = `SELECT p.page, p.offset, p.length, p.count, p.job, j.state ${pagesWithJobs}`;
  const { results } = await db.prepare(sql).bind(tenant, id).all<PagePlace & Pick<PageRow, "job" | "state">>();
  // A done job has ended its page. An earlier release could record a page after its end.
  const open = results.filter((row) => !isLost(row) && row.state !== "done");
  const planned = open.filter(({ job }) => job === "").map(({ page, offset, length, count }) => ({ page, offset, length, count }));
  return { open: open.length, jobs: open.flatMap(({ job }) => (job === "" ? [] : [job])), planned };
}

/** For the tick, of all tenants. Jobs that failed after `failedBefore` are left out. */
export async function strandedCampaigns(db: D1Database, failedBefore: number, limit: number): Promise<StrandedCampaign[]> {
  const sql = `
    SELECT c.tenant, c.id, j.state FROM campaigns c INDEXED BY campaigns_running LEFT JOIN jobs j ON j.tenant = c.tenant AND j.id = c.job
    WHERE c.state = 'running' AND (j.id IS NULL OR j.state IN ('done', 'cancelled') OR (j.state IN ('dead', 'discarded') AND j.ended < ?1)) LIMIT ?2`;
  return (await db.prepare(sql).bind(failedBefore, limit).all<StrandedCampaign>()).results;
}

export async function leftRecipients({ db, tenant, id }: CampaignScope, { after, limit }: { after: number; limit: number }): Promise<LeftRecipient[]> {
  const sql = `
    SELECT line, state, reason, provider_message AS providerMessage FROM campaign_recipients INDEXED BY campaign_recipients_left
    WHERE tenant = ?1 AND campaign = ?2 AND state IS NOT NULL AND line > ?3 ORDER BY line LIMIT ?4`;
  return (await db.prepare(sql).bind(tenant, id, after, limit).all<LeftRecipient>()).results;
}

/** Why recipients of a campaign got no mail, and its pages that have not been sent. */
export async function lossesOf({ db, tenant, id }: CampaignScope): Promise<CampaignLosses> {
  const reasonsSql = `
    SELECT state, reason, count(*) AS count FROM (SELECT state, reason FROM campaign_recipients INDEXED BY campaign_recipients_left
      WHERE tenant = ?1 AND campaign = ?2 AND state IS NOT NULL ORDER BY line LIMIT ${maxLeftExamined})
    GROUP BY state, reason ORDER BY count DESC, reason LIMIT ${maxReasons}`;
  const pagesSql = `
    SELECT p.page, p.count, p.job, j.state, j.reason ${pagesWithJobs} AND p.job <> '' AND coalesce(j.state, '') NOT IN ('queued', 'running', 'done')
      AND NOT (j.state = 'waiting' AND j.reason IN (SELECT value FROM json_each(?3)))
    ORDER BY p.page LIMIT ${maxLossPages}`;
  const results = await db.batch<Record<string, unknown>>([
    statement(db, reasonsSql, tenant, id),
    statement(db, pagesSql, tenant, id, JSON.stringify(Object.values(paceReasons))),
  ]);
  return { reasons: rowsOf<CampaignLosses["reasons"][number]>(results, 0), pages: rowsOf<CampaignLosses["pages"][number]>(results, 1) };
}

const pagesWithJobs = `
  FROM campaign_pages p LEFT JOIN jobs j ON j.tenant = p.tenant AND j.id = p.job WHERE p.tenant = ?1 AND p.campaign = ?2`;

interface PageRow {
  campaign: string;
  count: number;
  /** Empty: not enqueued yet. */
  job: string;
  /** State of its job; null: it has no row. */
  state: string | null;
  reason: string | null;
}

/** A row of `campaigns`. */
export interface CampaignRow
  extends Omit<Campaign, "templateId" | "variables" | "ratePerMinute" | "window" | "templateVersion" | "next" | "acknowledged">, PageCounts {
  template: string;
  variables: string;
  rate: number | null;
  send_window: string | null;
  template_version: number | null;
  next_offset: number;
  next_page: number;
  acknowledged: number | null;
  acknowledged_at: number | null;
  events: string | null;
}

export function campaignFrom(row: CampaignRow): Campaign {
  const { id, name, template: templateId, variables, rate: ratePerMinute, send_window: window, template_version: templateVersion } = row;
  const { state, list, bytes, total, zone, pinned, job, created, updated, started, ended } = row;
  const next = { offset: row.next_offset, page: row.next_page };
  const acknowledged = row.acknowledged === null ? null : { failed: row.acknowledged, at: row.acknowledged_at ?? 0 };
  return {
    ...{ id, name, templateId, variables: JSON.parse(variables) as Record<string, unknown>, ratePerMinute },
    ...{ window: window === null ? null : (JSON.parse(window) as SendWindow), state, list, bytes, total, zone, pinned, templateVersion, job },
    ...{ next, created, updated, started, ended, acknowledged },
  };
}

function reportFrom(row: CampaignRow, pages: readonly PageRow[]): CampaignReport {
  const { sent, failed, suppressed, duplicates } = row;
  const lost = pages.filter(isLost).reduce((sum, { count }) => sum + count, 0);
  const waiting = pages.find(({ state, reason }) => (state === "waiting" || state === "retrying") && reason !== null);
  const events = row.events === null ? null : (JSON.parse(row.events) as Record<string, number>);
  return { ...campaignFrom(row), sent, failed, suppressed, duplicates, lost, events, waitingFor: waiting?.reason ?? null };
}

/** Whether the page's job has ended without ending the page. */
function isLost({ job, state }: Pick<PageRow, "job" | "state">): boolean {
  return state === null ? job !== "" : ["dead", "discarded", "cancelled"].includes(state);
}
