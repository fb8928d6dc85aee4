import type { Alert, AlertFailure } from "./model";
import type { AlertRule, NamedRule } from "./rule";

/** The newest dead letters of a tenant that one look counts, and the groups of one that it returns: a noisy tenant takes nothing from the others. */
const [maxCounted, maxGroups] = [1000, 100];
/** Groups that one look returns in all. */
const maxFound = 5000;
const maxOpenAlerts = 1000;
/** Alerts kept of one owner; the oldest make room. */
export const maxAlertsKept = 500;

/** Each tenant with dead letters, by one seek apiece; then those that died in the time, without what is counted already and without failed alerts. */
const deadSql = `
  WITH RECURSIVE each(tenant) AS (
    SELECT min(tenant) FROM dead_letters UNION ALL
    SELECT (SELECT min(t.tenant) FROM dead_letters t WHERE t.tenant > each.tenant) FROM each WHERE each.tenant IS NOT NULL)
  SELECT tenant, cause, subject, reason, count, firstAt, lastAt FROM (
  SELECT tenant, 'dead-letters/' || kind AS cause, type AS subject, reason, count(*) AS count, min(died) AS firstAt, max(died) AS lastAt,
    row_number() OVER (PARTITION BY tenant ORDER BY max(died) DESC) AS place FROM (
    SELECT d.tenant, d.kind, d.type, d.reason, d.died FROM each CROSS JOIN dead_letters d LEFT JOIN alerts a
      ON a.tenant = d.tenant AND a.cause = 'dead-letters/' || d.kind
    WHERE d.tenant = each.tenant AND d.died > ?1 AND d.died <= ?2 AND d.died >= coalesce((
        SELECT t.died FROM dead_letters t WHERE t.tenant = each.tenant AND t.died > ?1 AND t.died <= ?2 ORDER BY t.died DESC LIMIT 1 OFFSET ${maxCounted - 1}), 0) AND d.died > coalesce(a.last_at, 0)
      AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant = d.tenant AND j.id = d.id AND instr(coalesce(j.entities, ''), '"alert:') > 0))
  GROUP BY tenant, kind) WHERE place <= ${maxGroups} LIMIT ${maxFound}`;

export async function newDeadLetters(db: D1Database, after: number, to: number): Promise<AlertFailure[]> {
  return (await db.prepare(deadSql).bind(after, to).all<AlertFailure>()).results;
}

const columns =
  "a.tenant, a.cause, a.state, a.subject, a.reason, a.count, a.first_at AS firstAt, a.since, a.last_at AS lastAt, a.told_at AS toldAt, a.via, a.recovered_at AS recoveredAt";

/** Every open alert, and those of these causes whatever their state. */
export async function alertsOf(db: D1Database, causes: readonly Pick<AlertFailure, "tenant" | "cause">[]): Promise<Alert[]> {
  const named = `SELECT ${columns} FROM json_each(?1) e CROSS JOIN alerts a ON a.tenant = e.value ->> 0 AND a.cause = e.value ->> 1`;
  const list = JSON.stringify(causes.map(({ tenant, cause }) => [tenant, cause]));
  const open = `SELECT ${columns} FROM alerts a INDEXED BY alerts_open WHERE a.state = 'open' LIMIT ${maxOpenAlerts}`;
  const results = await db.batch<Row>([db.prepare(named).bind(list), db.prepare(open)]);
  return results.flatMap((result) => result.results.map(alertFrom));
}

/** Dead letters that were replayed before a tick looked are in their failure group alone. */
const listSql = `
  SELECT ${columns}, g.last_at AS groupLastAt FROM alerts a LEFT JOIN failure_groups g
    ON a.state = 'open' AND a.cause GLOB 'dead-letters/*' AND g.tenant = a.tenant AND g.grp = substr(a.cause, ${"dead-letters/".length + 1})
  WHERE a.tenant = ?1 LIMIT ${maxAlertsKept}`;

/** An owner's alerts, the newest failure first. Of an open one about dead letters that is the newest failure of its group. */
export async function listAlerts(db: D1Database, tenant: string, limit: number): Promise<Alert[]> {
  const { results } = await db.prepare(listSql).bind(tenant).all<Row & { groupLastAt: number | null }>();
  const rows = results.map(({ groupLastAt, ...row }) => alertFrom({ ...row, lastAt: Math.max(row.lastAt, groupLastAt ?? 0) }));
  return rows.toSorted((left, right) => right.lastAt - left.lastAt).slice(0, limit);
}

/** By name. */
export async function listRules(db: D1Database, tenant: string): Promise<NamedRule[]> {
  const { results } = await db.prepare("SELECT name, rule, created, updated FROM alert_rules WHERE tenant = ?1 ORDER BY name").bind(tenant).all<RuleRow>();
  return results.map(({ rule, ...row }) => ({ ...row, ...(JSON.parse(rule) as AlertRule) }));
}

/** `rule`: JSON. */
type RuleRow = Pick<NamedRule, "name" | "created" | "updated"> & { rule: string };

/** `firstAt` null: of an alert that was opened before it was kept. */
type Row = Omit<Alert, "firstAt" | "via"> & { firstAt: number | null; via: string };

function alertFrom({ firstAt, via, ...row }: Row): Alert {
  return { ...row, firstAt: firstAt ?? row.since, via: via === "" ? [] : via.split(",") };
}
