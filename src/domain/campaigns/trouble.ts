import { statement } from "../../d1";
import { paceReasons, pausedReason } from "./pace";

/** How grave the failures of a campaign are. */
export type FailureSeverity = "warning" | "critical";

/** Failures are critical from this share of the mails on. */
const criticalShare = 0.1;

/** By the mails that failed and those that were sent. */
export function failureSeverity(failed: number, sent: number): FailureSeverity {
  return failed / (failed + sent) >= criticalShare ? "critical" : "warning";
}

/** A running campaign, or one that has ended lately, whose mails fail or stand still. Times in milliseconds. */
export interface TroubledCampaign {
  tenant: string;
  id: string;
  name: string;
  state: "running" | "done";
  started: number;
  ended: number | null;
  /** Recipients of its list. */
  total: number;
  sent: number;
  /** Recipients that got no mail, with those of pages that ended as dead letters. */
  failed: number;
  /** How many of them an operator has acknowledged; null: none. */
  acknowledged: number | null;
  /** How grave they were then; null: not recorded. */
  acknowledgedSeverity: FailureSeverity | null;
  /** The reason of most of the first failures; null: none was recorded. */
  reason: string | null;
  /** Recipients whose mails stand still: their page is tried again or waits for something that the campaign did not plan. */
  stalled: number;
  stalledReason: string | null;
  stalledSince: number | null;
  /** Attempts that failed of the page with most of them; 0: none failed. */
  attempts: number;
  /** Why the job that enqueues its pages fails; null: it does not. Recipients of pages that are not enqueued then wait too. */
  jobReason: string | null;
  /** Recipients that are not dealt with. */
  left: number;
}

/** Running campaigns of a tenant, and ended ones, that one report reads. */
const maxCampaigns = 100;
/** Open pages of them. */
const maxPages = 10_000;
/** Recipients without a mail of one campaign that its reason is taken from. */
const maxReasons = 200;
/** A wait that is over sooner is no standstill, such as that of a provider's limit. Milliseconds. */
const minWaitMs = 60_000;

/** Not at fault: the pace of the campaign, its pause, and the limits of the connection. */
const planned = [...Object.values(paceReasons), pausedReason, "mail: rate", "mail: concurrency"];

const lost = "(j.state IN ('dead', 'discarded', 'cancelled') OR (j.state IS NULL AND p.job <> ''))";
/** A job that waits without a due time is parked at a gate. */
const stalled = `(c.state = 'running' AND (j.state = 'retrying' OR (j.state = 'waiting' AND (j.due IS NULL OR j.due > ?3)
  AND substr(j.reason, 1, 8) <> 'paused: ' AND j.reason NOT IN (SELECT value FROM json_each(?4)))))`;

/** ?1 tenants, ?2 ended after, ?3 a wait until then is short, ?4 reasons that are planned. Each campaign is found by an index, and at most 100 of each state and tenant. */
const troubledSql = `
  WITH c AS (
    SELECT c.* FROM json_each(?1) t CROSS JOIN campaigns c WHERE c.tenant = t.value AND c.id IN (
      SELECT r.id FROM campaigns r INDEXED BY campaigns_running WHERE r.tenant = t.value AND r.state = 'running' LIMIT ${maxCampaigns})
    UNION ALL
    SELECT c.* FROM json_each(?1) t CROSS JOIN campaigns c WHERE c.tenant = t.value AND c.id IN (
      SELECT e.id FROM campaigns e INDEXED BY campaigns_ended WHERE e.tenant = t.value AND e.ended > ?2 AND e.state = 'done' AND (e.failed > 0
        OR EXISTS (SELECT 1 FROM campaign_pages p WHERE p.tenant = e.tenant AND p.campaign = e.id)) LIMIT ${maxCampaigns})),
  p AS (SELECT p.tenant, p.campaign, p.count, p.job FROM c CROSS JOIN campaign_pages p ON p.tenant = c.tenant AND p.campaign = c.id LIMIT ${maxPages})
  SELECT * FROM (SELECT c.tenant, c.id, c.name, c.state, c.started, c.ended, c.total, c.sent, c.acknowledged, c.acknowledged_severity AS acknowledgedSeverity,
    c.failed + total(iif(${lost}, p.count, 0)) AS failed,
    coalesce(CASE WHEN c.failed > 0 THEN (SELECT reason FROM (SELECT r.state, r.reason FROM campaign_recipients r INDEXED BY campaign_recipients_left
      WHERE r.tenant = c.tenant AND r.campaign = c.id AND r.state IS NOT NULL ORDER BY r.line LIMIT ${maxReasons})
      WHERE state = 'failed' GROUP BY reason ORDER BY count(*) DESC, reason LIMIT 1) END, max(iif(${lost}, j.reason, NULL))) AS reason,
    total(iif(${stalled}, p.count, 0)) AS stalled,
    max(iif(${stalled}, j.reason, NULL)) AS stalledReason,
    min(iif(${stalled}, j.started, NULL)) AS stalledSince,
    coalesce(max(iif(${stalled} AND j.state = 'retrying', j.attempt, 0)), 0) AS attempts,
    (SELECT j.reason FROM jobs j WHERE j.tenant = c.tenant AND j.id = c.job AND c.state = 'running' AND j.state IN ('retrying', 'dead', 'discarded')) AS jobReason,
    max(0, c.total - c.sent - c.failed - c.suppressed - c.duplicates - total(iif(${lost}, p.count, 0))) AS left
  FROM c LEFT JOIN p ON p.tenant = c.tenant AND p.campaign = c.id LEFT JOIN jobs j ON j.tenant = p.tenant AND j.id = p.job
  GROUP BY c.tenant, c.id) WHERE failed > 0 OR stalled > 0 OR jobReason IS NOT NULL`;

/** Campaigns of these tenants that run or ended after a time, and of which recipients failed or wait against the plan. */
export async function troubledCampaigns(db: D1Database, tenants: readonly string[], endedAfter: number, now: number): Promise<TroubledCampaign[]> {
  const bound = [JSON.stringify(tenants), endedAfter, now + minWaitMs, JSON.stringify(planned)];
  return (await statement(db, troubledSql, ...bound).all<TroubledCampaign>()).results;
}
