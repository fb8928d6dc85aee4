import { sizeAfter } from "../../d1";
import { hasEffectInDoubt } from "../../ledger/review";

/** Facts for findings that no other reader has. Null is all tenants. */
export interface ReportRows {
  groups: LetterGroup[];
  /** Groups that an operator has resolved, or ignores. */
  settled: { tenant: string; group: string }[];
  schedules: { tenant: string; name: string; outcome: "skipped" | "failed"; note: string | null; plannedAt: number }[];
  sites: { tenant: string; site: string; reason: string; since: number }[];
  unreadable: { tenant: string; site: string; count: number; since: number }[];
  proposals: { tenant: string; agent: string; count: number; since: number }[];
  purchaseOrders: { tenant: string; site: string; count: number; since: number }[];
  /** Receivers of events that are switched off since they answered that they accept no more. */
  retired: { tenant: string; kind: "destination" | "subscription"; name: string; reason: string; since: number }[];
  /** Size of the database; null: not known. */
  ledgerBytes: number | null;
}

/** Dead letters of one tenant and cause. */
interface LetterGroup {
  tenant: string;
  group: string;
  type: string;
  reason: string;
  count: number;
  /** The tenant has more dead letters than were read: there may be more of this cause. */
  atLeast: boolean;
  inDoubt: number;
  firstAt: number;
  lastAt: number;
}

/** Rows of each kind that are returned. */
const maxRows = 200;

/** Newest dead letters of a tenant that are grouped. A tenant that has more is read again, up to as many as the list of failures counts. */
const [maxLetters, maxLettersAgain] = [1000, 10_000];

/** Tenants that are read again. */
const maxAgain = 10;

/** Groups that are left out of a report. */
const maxSettled = 5000;

const whose = "(?1 IS NULL OR tenant = ?1)";

/**
 * ?1 tenants: the newest letters of each, by one seek apiece. A replay that fails again gives its jobs a new time of death: a group's first failure
 * is the one since an operator last decided about the group. Of jobs that ended as uncertain it is looked up whether their effect is still in doubt.
 */
const groupsSql = (max: number) => `
  SELECT g.tenant, "group", g.type, reason, count, inDoubt, min(firstAt, coalesce(max(f.first_at, coalesce(f.status_at, 0)), firstAt)) AS firstAt, lastAt FROM (
  SELECT tenant, kind AS "group", type, reason, count(*) AS count, sum(inDoubt) AS inDoubt, min(died) AS firstAt, max(died) AS lastAt FROM (
    SELECT t.value AS tenant, r.value->>0 AS kind, r.value->>1 AS type, r.value->>2 AS reason, r.value->>3 AS died,
      r.value->>2 GLOB 'uncertain:*' AND ${hasEffectInDoubt("t.value", "r.value->>4")} AS inDoubt
    FROM json_each(?1) t CROSS JOIN json_each((SELECT json_group_array(json_array(kind, type, reason, died, id)) FROM (
      SELECT kind, type, reason, died, id FROM dead_letters d WHERE d.tenant = t.value ORDER BY died DESC LIMIT ${max}))) r)
  GROUP BY tenant, kind) g LEFT JOIN failure_groups f ON f.tenant = g.tenant AND f.grp = g."group" WHERE coalesce(f.status, 'open') = 'open'
  ORDER BY count DESC LIMIT ${maxRows}`;

/** ?1 tenants: those with more dead letters than are read. */
const crowdedSql = (max: number) => `
  SELECT t.value AS tenant FROM json_each(?1) t WHERE EXISTS (SELECT 1 FROM dead_letters d WHERE d.tenant = t.value LIMIT 1 OFFSET ${max})`;

const settledSql = `
  SELECT tenant, grp AS "group" FROM failure_groups WHERE status <> 'open' AND tenant IN (SELECT value FROM json_each(?1)) LIMIT ${maxSettled}`;

const schedulesSql = `
  SELECT tenant, name, last_outcome AS outcome, last_note AS note, last_planned_at AS plannedAt FROM schedules
  WHERE ${whose} AND enabled = 1 AND last_outcome IN ('skipped', 'failed') ORDER BY last_planned_at DESC LIMIT ${maxRows}`;

const sitesSql = `
  SELECT tenant, site, paused_reason AS reason, paused_at AS since FROM shop_sites WHERE ${whose} AND paused_at IS NOT NULL ORDER BY paused_at LIMIT ${maxRows}`;

const unreadableSql = `
  SELECT tenant, site, count(*) AS count, min(since) AS since FROM (SELECT tenant, site, since FROM shop_unreadable WHERE ${whose} LIMIT 20000)
  GROUP BY tenant, site ORDER BY count DESC LIMIT ${maxRows}`;

const proposalsSql = `
  SELECT tenant, agent, count(*) AS count, min(asked_at) AS since FROM agent_proposals WHERE ${whose} AND state = 'pending'
  GROUP BY tenant, agent ORDER BY count DESC LIMIT ${maxRows}`;

const purchaseOrdersSql = `
  SELECT tenant, site, count(*) AS count, min(created) AS since FROM shop_purchase_orders WHERE ${whose} AND state = 'draft'
  GROUP BY tenant, site ORDER BY count DESC LIMIT ${maxRows}`;

const retiredSql = `
  SELECT tenant, 'destination' AS kind, name, retired AS reason, retired_at AS since FROM destinations WHERE ${whose} AND retired IS NOT NULL AND enabled = 1
  UNION ALL SELECT tenant, 'subscription', name, retired, retired_at FROM subscriptions WHERE ${whose} AND retired IS NOT NULL
  ORDER BY since DESC LIMIT ${maxRows}`;

/** One round trip, and a second when a tenant has very many dead letters. `tenants`: whose dead letters are grouped. */
export async function reportRows(db: D1Database, tenant: string | null, tenants: readonly string[]): Promise<ReportRows> {
  const results = await db.batch<Record<string, unknown>>([
    ...[groupsSql(maxLetters), settledSql, crowdedSql(maxLetters)].map((sql) => db.prepare(sql).bind(JSON.stringify(tenants))),
    ...[schedulesSql, sitesSql, unreadableSql, proposalsSql, purchaseOrdersSql, retiredSql].map((sql) => db.prepare(sql).bind(tenant)),
  ]);
  const rows = <Name extends Exclude<keyof ReportRows, "ledgerBytes">>(index: number) => (results[index]?.results ?? []) as unknown as ReportRows[Name];
  return {
    groups: await allGroups(db, rows<"groups">(0), tenantsIn(results[2])),
    settled: rows<"settled">(1),
    schedules: rows<"schedules">(3),
    sites: rows<"sites">(4),
    unreadable: rows<"unreadable">(5),
    proposals: rows<"proposals">(6),
    purchaseOrders: rows<"purchaseOrders">(7),
    retired: rows<"retired">(8),
    ledgerBytes: sizeAfter(results[0]),
  };
}

/** With the older letters of tenants that have very many: a cause that is not among the newest is no less a finding. */
async function allGroups(db: D1Database, groups: readonly LetterGroup[], crowded: ReadonlySet<string>): Promise<LetterGroup[]> {
  const again = [...crowded].slice(0, maxAgain);
  if (again.length === 0) return groups.map((group) => ({ ...group, atLeast: false }));
  const results = await db.batch<Record<string, unknown>>(
    [groupsSql(maxLettersAgain), crowdedSql(maxLettersAgain)].map((sql) => db.prepare(sql).bind(JSON.stringify(again))),
  );
  const cut = new Set([...crowded].filter((tenant) => !again.includes(tenant)).concat(...tenantsIn(results[1])));
  const others = groups.filter(({ tenant }) => !again.includes(tenant));
  return [...others, ...((results[0]?.results ?? []) as unknown as LetterGroup[])].map((group) => ({ ...group, atLeast: cut.has(group.tenant) }));
}

function tenantsIn(result: D1Result<Record<string, unknown>> | undefined): Set<string> {
  return new Set((result?.results ?? []).map(({ tenant }) => String(tenant)));
}
