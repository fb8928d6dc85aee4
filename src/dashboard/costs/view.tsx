import type { Costs } from "../answers";
import { page, type Visit } from "../page";
import { Bar } from "../parts/bar";
import { Fact } from "../parts/fact";
import { number, usd } from "../parts/format";
import { State } from "../parts/state";
import { Section, Table } from "../parts/table";

/** The cost of jobs today and this month, by type and tenant, beside the budget. */
export const costsPage = page<Costs>({
  path: "/costs",
  section: "Costs",
  tenants: "any",
  title: ({ month }) => `${usd(month.usd)} this month`,
  query: ({ api }) => api.get<Costs>("/v1/costs"),
  view: (costs, visit) => (
    <>
      <h1>Costs</h1>
      <dl class="facts">
        <Fact name="Today" value={usd(costs.today.usd)} />
        <Fact name="This month" value={usd(costs.month.usd)} />
        <Fact name="Models this month" value={[usd(costs.models.usd), " ", <span class="dim">paid to their provider, not in the sums above</span>]} />
        {visit.tenant === "*" ? null : <Fact name="Budget" value={<Budget budget={costs.budget} />} />}
      </dl>
      <p class="dim">
        Estimated from counted steps of jobs and the prices of {costs.pricesAsOf}; what the plan includes is not taken off. Days and months are UTC.
      </p>
      <Split title="By type" today={costs.today.byType} month={costs.month.byType} />
      {visit.tenant === "*" ? <Split title="By tenant" today={costs.today.byTenant} month={costs.month.byTenant} visit={visit} /> : null}
    </>
  ),
});

function Budget({ budget }: { budget: Costs["budget"] }) {
  if (budget === null)
    return (
      <span class="dim">
        none; the tenant's setting <code>{'budget: {"usdPerMonth": 20}'}</code> makes one
      </span>
    );
  const label = { within: "within", near: "nearly used up", over: "used up" }[budget.state];
  return (
    <>
      <State is={{ within: "ok", near: "warning", over: "critical" }[budget.state]} word={label} /> {usd(budget.spent)} of {usd(budget.usdPerMonth)}{" "}
      <progress max={budget.usdPerMonth} value={Math.min(budget.spent, budget.usdPerMonth)} aria-label="Budget used" />
    </>
  );
}

interface SplitProps {
  title: string;
  today: Costs["today"]["byType"];
  month: Costs["month"]["byType"];
  /** Set where the names are tenants: links to their pages. */
  visit?: Visit;
}

function Split({ title, today, month, visit }: SplitProps) {
  const of = new Map(today.map((each) => [each.name, each]));
  const highest = Math.max(0, ...month.map((each) => each.usd));
  return (
    <Section title={title}>
      <Table
        label={title}
        rows={month}
        empty="No job has ended this month."
        columns={[
          ["Name", ({ name }) => (visit ? <a href={`/t/${encodeURIComponent(name)}/costs`}>{name}</a> : name)],
          ["#Today", ({ name }) => usd(of.get(name)?.usd ?? 0)],
          ["#-Jobs today", ({ name }) => number(of.get(name)?.jobs ?? 0)],
          ["#This month", ({ usd: cost }) => usd(cost)],
          ["#Jobs", ({ jobs }) => number(jobs)],
          ["-Share", ({ usd: cost }) => <Bar value={cost} max={highest} />],
        ]}
      />
    </Section>
  );
}
