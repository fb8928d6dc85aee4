import type { Campaign, CampaignState, PageCounts } from "./model";
import type { SendWindow } from "./window";

/** A campaign with its counts, as its report shows it. */
export interface CampaignReport extends Campaign, PageCounts {
  /** Recipients of pages that ended without being sent: dead letters. They count as failed until they are replayed. */
  lost: number;
  /** Counts of mail events, kept when the recipients were forgotten. */
  events: Record<string, number> | null;
  /** Why its pages wait, where one does. */
  waitingFor: string | null;
}

/** Pages under way. */
export interface OpenPages {
  /** Those that will still be sent. */
  open: number;
  jobs: string[];
}

/** A recipient that got no mail. */
export interface LeftRecipient {
  line: number;
  state: "failed" | "suppressed";
  reason: string;
}

/** Reads of campaigns. Every statement names its tenant. */
export function campaignQueries(db: D1Database) {
  return {
    async get(tenant: string, id: string): Promise<Campaign | null> {
      const row = await db.prepare("SELECT * FROM campaigns WHERE tenant = ?1 AND id = ?2").bind(tenant, id).first<Row>();
      return row && campaignFrom(row);
    },
    async report(tenant: string, id: string): Promise<CampaignReport | null> {
      const [campaign, pages] = await db.batch<Record<string, unknown>>([
        db.prepare("SELECT * FROM campaigns WHERE tenant = ?1 AND id = ?2").bind(tenant, id),
        db.prepare(`SELECT p.count, j.state, j.reason ${pagesWithJobs}`).bind(tenant, id),
      ]);
      const row = campaign?.results[0] as unknown as Row | undefined;
      return row ? reportFrom(row, (pages?.results ?? []) as unknown as PageRow[]) : null;
    },
    /** The newest first. */
    async list(
      tenant: string,
      { cursor, limit }: { cursor?: string | undefined; limit: number },
    ): Promise<{ campaigns: CampaignReport[]; cursor: string | null }> {
      const page = "SELECT * FROM campaigns WHERE tenant = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
      const [own, pages] = await db.batch<Record<string, unknown>>([
        db.prepare(page).bind(tenant, cursor ?? "~", limit + 1),
        db
          .prepare(
            `SELECT p.campaign, p.count, j.state, j.reason FROM (${page}) c CROSS JOIN campaign_pages p ON p.tenant = ?1 AND p.campaign = c.id
             LEFT JOIN jobs j ON j.tenant = ?1 AND j.id = p.job`,
          )
          .bind(tenant, cursor ?? "~", limit),
      ]);
      const rows = (own?.results ?? []) as unknown as Row[];
      const byCampaign = Map.groupBy((pages?.results ?? []) as unknown as PageRow[], ({ campaign }) => campaign);
      const campaigns = rows.slice(0, limit).map((row) => reportFrom(row, byCampaign.get(row.id) ?? []));
      return { campaigns, cursor: rows.length > limit ? (campaigns.at(-1)?.id ?? null) : null };
    },
    async openPages(tenant: string, id: string): Promise<OpenPages> {
      const { results } = await db.prepare(`SELECT p.job, j.state ${pagesWithJobs}`).bind(tenant, id).all<{ job: string; state: string | null }>();
      // A job that is done has ended its page: its row was written after it, by a run that noted it late.
      const open = results.filter(({ state }) => !isLost(state) && state !== "done");
      return { open: open.length, jobs: open.map(({ job }) => job) };
    },
    async left(tenant: string, id: string, { after, limit }: { after: number; limit: number }): Promise<LeftRecipient[]> {
      const sql = `
        SELECT line, state, reason FROM campaign_recipients INDEXED BY campaign_recipients_left
        WHERE tenant = ?1 AND campaign = ?2 AND state IS NOT NULL AND line > ?3 ORDER BY line LIMIT ?4`;
      return (await db.prepare(sql).bind(tenant, id, after, limit).all<LeftRecipient>()).results;
    },
  };
}

export type CampaignQueries = ReturnType<typeof campaignQueries>;

const pagesWithJobs = `
  FROM campaign_pages p LEFT JOIN jobs j ON j.tenant = p.tenant AND j.id = p.job WHERE p.tenant = ?1 AND p.campaign = ?2`;

interface PageRow {
  campaign: string;
  count: number;
  /** Of its job; null: the ledger does not know it yet. */
  state: string | null;
  reason: string | null;
}

interface Row {
  id: string;
  name: string;
  template: string;
  variables: string;
  rate: number | null;
  send_window: string | null;
  state: CampaignState;
  list: string | null;
  bytes: number;
  total: number;
  zone: string;
  pinned: number | null;
  template_version: number | null;
  job: string | null;
  sent: number;
  failed: number;
  suppressed: number;
  duplicates: number;
  events: string | null;
  created: number;
  updated: number;
  started: number | null;
  ended: number | null;
}

function campaignFrom(row: Row): Campaign {
  const { id, name, template: templateId, variables, rate: ratePerMinute, send_window: window, template_version: templateVersion } = row;
  const { state, list, bytes, total, zone, pinned, job, created, updated, started, ended } = row;
  return {
    ...{ id, name, templateId, variables: JSON.parse(variables) as Record<string, unknown>, ratePerMinute },
    ...{ window: window === null ? null : (JSON.parse(window) as SendWindow), state, list, bytes, total, zone, pinned, templateVersion, job },
    ...{ created, updated, started, ended },
  };
}

function reportFrom(row: Row, pages: readonly PageRow[]): CampaignReport {
  const { sent, failed, suppressed, duplicates } = row;
  const lost = pages.filter(({ state }) => isLost(state)).reduce((sum, { count }) => sum + count, 0);
  const waiting = pages.find(({ state, reason }) => (state === "waiting" || state === "retrying") && reason !== null);
  const events = row.events === null ? null : (JSON.parse(row.events) as Record<string, number>);
  return { ...campaignFrom(row), sent, failed, suppressed, duplicates, lost, events, waitingFor: waiting?.reason ?? null };
}

/** The page's job has ended and its page has not. */
function isLost(state: string | null): boolean {
  return state !== null && ["dead", "discarded", "cancelled"].includes(state);
}
