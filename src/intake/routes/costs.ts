import * as v from "valibot";
import { budgetState, type Costs } from "../../domain/costs/model";
import { pricesAsOf } from "../../domain/costs/prices";
import { costReport } from "../../domain/costs/queries";
import { count, outputList } from "../../bounded";
import { route } from "../route";

const costs = outputList(v.object({ name: v.string(), jobs: count, usd: v.number() }));
const span = v.object({ usd: v.number(), byType: costs, byTenant: costs });

export const costsShape = v.object({
  currency: v.literal("USD"),
  estimated: v.pipe(v.literal(true), v.description("From counted steps of jobs and the price table; what the plan includes is not taken off")),
  pricesAsOf: v.string(),
  today: span,
  month: span,
  models: v.pipe(v.object({ usd: v.number() }), v.description("What agents' calls of models cost this month; not in `month`")),
  budget: v.nullable(v.object({ usdPerMonth: v.number(), spent: v.number(), state: v.picklist(["within", "near", "over"]) })),
});

export const costRoutes = [
  route("GET /v1/costs", {
    name: "costs",
    summary: "What jobs cost today and this month (UTC), by type and tenant; the root token without a tenant sees all",
    description: "The budget is the tenant's setting `budget: {usdPerMonth}`: the report warns at 80 % and when it is used up. No job is held back for it.",
    scope: "read",
    tenant: "any",
    answers: { 200: costsShape },
    handle: async ({ deps, tenant }) => {
      const { today, month, modelsMonth, budgets } = await costReport(deps.db, tenant, deps.now());
      const [own] = tenant === null ? [] : budgets;
      const budget = own ? { usdPerMonth: own.usdPerMonth, spent: rounded(month.usd), state: budgetState(month.usd, own.usdPerMonth) } : null;
      const facts = { currency: "USD", estimated: true, pricesAsOf, today: spanOf(today), month: spanOf(month) };
      return { status: 200, body: { ...facts, models: { usd: rounded(modelsMonth) }, budget } };
    },
  }),
];

function spanOf({ usd, byType, byTenant }: Costs) {
  const all = (list: Costs["byType"]) => list.map((each) => ({ ...each, usd: rounded(each.usd) }));
  return { usd: rounded(usd), byType: all(byType), byTenant: all(byTenant) };
}

/** To a millionth of a dollar. */
function rounded(usd: number): number {
  return Math.round(usd * 1_000_000) / 1_000_000;
}
