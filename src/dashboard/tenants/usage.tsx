import type { Costs, Gates, Stats } from "../answers";
import type { Visit } from "../page";
import { Fact } from "../parts/fact";
import { number, usd } from "../parts/format";
import { State } from "../parts/state";
import { Section } from "../parts/table";
import { Time } from "../parts/time";

export interface Usage {
  /** Statistics of the last hour. */
  stats: Stats;
  costs: Costs;
}

/** A tenant's usage beside its quotas. */
export function UsageFacts({ visit, usage: { stats, costs }, settings }: { visit: Visit; usage: Usage; settings: Readonly<Record<string, unknown>> }) {
  const of = (...events: string[]) => Object.values(stats.totals).reduce((sum, type) => sum + events.reduce((all, event) => all + (type[event] ?? 0), 0), 0);
  const quota = (settings["quota"] as { jobsPerMinute?: number } | undefined)?.jobsPerMinute;
  return (
    <Section title="Usage" aside={<a href={`${visit.base}/costs`}>costs by type</a>}>
      <dl class="facts">
        <Fact name="Accepted in the last hour" value={`${number(of("enqueued"))} jobs`} />
        <Fact name="Ended" value={`${number(of("done"))} well, ${number(of("dead", "discarded"))} badly; a replayed job ends once more`} />
        <Fact name="Quota" value={quota === undefined ? "none" : `${number(quota)} jobs a minute`} />
        <Fact name="Cost" value={`${usd(costs.today.usd)} today, ${usd(costs.month.usd)} this month`} />
        {costs.budget === null ? null : <Fact name="Budget" value={`${usd(costs.budget.spent)} of ${usd(costs.budget.usdPerMonth)} a month`} />}
      </dl>
    </Section>
  );
}

/** The last failure of a connection, and the state of its circuit. */
export function LastFailure({ gate }: { gate: Gates["gates"][number] | undefined }) {
  if (!gate) return null;
  return (
    <>
      {gate.circuit === "closed" ? null : [" ", <State is={gate.circuit} word={`circuit ${gate.circuit}`} />]}
      {gate.lastFailure === null ? null : (
        <span class="dim">
          , last failed <Time at={gate.lastFailure.at} />: {gate.lastFailure.reason}
        </span>
      )}
    </>
  );
}
