import { dayOf, usageSince } from "../../ledger/usage-days";
import { type Costs, costsOf } from "./model";

/** Costs of today and of this month (UTC), with the cost of models, which is counted for each call. */
interface CostReport {
  today: Costs;
  month: Costs;
  /** USD. */
  modelsMonth: number;
  budgets: { tenant: string; usdPerMonth: number }[];
}

const modelsSql = `SELECT coalesce(sum(micros), 0) AS micros FROM agent_spend WHERE (?1 IS NULL OR tenant = ?1) AND month = ?2`;
const budgetsSql = `
  SELECT tenant, settings ->> '$.budget.usdPerMonth' AS usdPerMonth FROM tenants WHERE (?1 IS NULL OR tenant = ?1) AND settings ->> '$.budget.usdPerMonth' IS NOT NULL LIMIT 500`;

/** Tenant null: all tenants. */
export async function costReport(db: D1Database, tenant: string | null, now: number): Promise<CostReport> {
  const today = dayOf(now);
  const [day, month, models, budgets] = await Promise.all([
    usageSince(db, tenant, today, now),
    usageSince(db, tenant, `${today.slice(0, 7)}-01`, now),
    db.prepare(modelsSql).bind(tenant, today.slice(0, 7)).first<{ micros: number }>(),
    db.prepare(budgetsSql).bind(tenant).all<CostReport["budgets"][number]>(),
  ]);
  return { today: costsOf(day), month: costsOf(month), modelsMonth: (models?.micros ?? 0) / 1_000_000, budgets: budgets.results };
}

/** Tenants with a budget, and their cost in this month. */
export async function budgetsSpent(db: D1Database, tenant: string | null, now: number): Promise<{ tenant: string; usdPerMonth: number; spent: number }[]> {
  const { results } = await db.prepare(budgetsSql).bind(tenant).all<CostReport["budgets"][number]>();
  if (results.length === 0) return [];
  const { byTenant } = costsOf(await usageSince(db, tenant, `${dayOf(now).slice(0, 7)}-01`, now));
  const spent = new Map(byTenant.map(({ name, usd }) => [name, usd]));
  return results.map((each) => ({ ...each, spent: spent.get(each.tenant) ?? 0 }));
}
