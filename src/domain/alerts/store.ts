import type { Alert } from "./model";
import { maxAlertsKept } from "./queries";
import { type AlertRule, maxRules } from "./rule";

const put = `
  INSERT INTO alerts (tenant, cause, state, subject, reason, count, since, last_at, told_at, via, recovered_at, first_at)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11
  FROM json_each(?1) WHERE true
  ON CONFLICT DO UPDATE SET state = excluded.state, subject = excluded.subject, reason = excluded.reason, count = excluded.count, since = excluded.since,
    last_at = excluded.last_at, told_at = excluded.told_at, via = excluded.via, recovered_at = excluded.recovered_at, first_at = excluded.first_at`;

/** Deletes, for an owner with more than its share, those that recovered longest ago. */
const prune = `
  DELETE FROM alerts WHERE tenant = ?1 AND state = 'recovered'
    AND (SELECT count(*) FROM alerts WHERE tenant = ?1) > ${maxAlertsKept - 100}
    AND last_at <= (SELECT last_at FROM alerts WHERE tenant = ?1 ORDER BY last_at DESC LIMIT 1 OFFSET ${maxAlertsKept - 100})`;

export async function saveAlerts(db: D1Database, alerts: readonly Alert[]): Promise<void> {
  if (alerts.length === 0) return;
  const rows = alerts.map((each) => {
    const { tenant, cause, state, subject, reason, count, since, lastAt, toldAt, via, recoveredAt, firstAt } = each;
    return [tenant, cause, state, subject, reason.slice(0, 1000), count, since, lastAt, toldAt, via.join(","), recoveredAt, firstAt];
  });
  const owners = [...new Set(alerts.map(({ tenant }) => tenant))];
  await db.batch([db.prepare(put).bind(JSON.stringify(rows)), ...owners.slice(0, 50).map((tenant) => db.prepare(prune).bind(tenant))]);
}

const putRuleSql = `
  INSERT INTO alert_rules (tenant, name, rule, created, updated)
  SELECT ?1, ?2, ?3, ?4, ?4 WHERE (SELECT count(*) FROM alert_rules WHERE tenant = ?1 AND name <> ?2) < ${maxRules}
  ON CONFLICT DO UPDATE SET rule = excluded.rule, updated = excluded.updated`;

/** False: the tenant has as many rules as it may. */
export async function putRule(db: D1Database, tenant: string, name: string, rule: AlertRule, now: number): Promise<boolean> {
  const { meta } = await db.prepare(putRuleSql).bind(tenant, name, JSON.stringify(rule), now).run();
  return meta.changes > 0;
}

/** False when there was none. */
export async function removeRule(db: D1Database, tenant: string, name: string): Promise<boolean> {
  const { meta } = await db.prepare("DELETE FROM alert_rules WHERE tenant = ?1 AND name = ?2").bind(tenant, name).run();
  return meta.changes > 0;
}
