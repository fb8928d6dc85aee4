import { type CostBound, boundOf, exceeded, checkMonth } from "../../domain/agents/budget";
import { type AgentBudget, microsOf, type Used } from "../../domain/agents/model";

import type { CallBound, CallMeter, Price } from "../../providers/models/models";
import { discard, type Outcome, wait } from "../../queue/outcome";
import type { OpenRun } from "./open-run";
import { minuteMs } from "../../time/day";

/** A reservation that is not settled yet, and when it was made. */
export interface Reserved extends CostBound {
  at: number;
}

/** Reserves the highest cost of each call of one chat in the budget of the run, and in the monthly budgets of agent and tenant. */
interface BudgetMeter extends CallMeter {
  /** Why the last call was not allowed. */
  readonly ended: Outcome | undefined;
  /** The reservation of the answered call. */
  readonly reserved: Reserved | undefined;
}

export function createBudgetMeter(openRun: OpenRun, budget: AgentBudget, perTenant: number, prices: readonly Price[]): BudgetMeter {
  const { context, run } = openRun;
  const { runs } = context.agents;
  const state: { ended: Outcome | undefined; reserved: Reserved | undefined } = { ended: undefined, reserved: undefined };
  return {
    get ended() {
      return state.ended;
    },
    get reserved() {
      return state.reserved;
    },
    async reserve(call) {
      const at = context.now();
      const bound = boundFor(call, prices);
      state.ended = await budgetRefusal(openRun, budget, perTenant, bound, at);
      if (state.ended) return false;
      state.reserved = { ...bound, at };
      addUsage(openRun, { ...bound, ms: 0 });
      return true;
    },
    async lost(isBilled) {
      const { reserved } = state;
      if (!reserved) return;
      state.reserved = undefined;
      const ms = context.now() - reserved.at;
      const released = isBilled ? { tokens: 0, micros: 0 } : { tokens: reserved.tokens, micros: reserved.micros };
      addUsage(openRun, { tokens: -released.tokens, micros: -released.micros, ms });
      await runs.lose(run, released, ms, reserved.at);
    },
  };
}

/** Adds to the run's counts, as the records do. */
export function addUsage(total: Used, { tokens, micros, ms }: Used): void {
  total.tokens += tokens;
  total.micros += micros;
  total.ms += ms;
}

async function budgetRefusal(openRun: OpenRun, budget: AgentBudget, perTenant: number, bound: CostBound, at: number): Promise<Outcome | undefined> {
  const { context, run, agent } = openRun;
  const { runs } = context.agents;
  const tooMuch = exceeded(budget, openRun, openRun.steps, bound);
  if (tooMuch !== undefined) return discard(tooMuch);
  const spent = await runs.spend(agent.type, at);
  for (const [spend, usd, whose] of [
    [spent.agent, budget.usdPerMonth, ""],
    [spent.tenant, perTenant, " for all agents"],
  ] as const) {
    const month = checkMonth(spend, bound, usd, at, whose);
    if (!month.ok) return wait(month.reason, { until: month.until });
  }
  const limits = { agent: microsOf(budget.usdPerMonth), tenant: microsOf(perTenant) };
  // A concurrent run reserved the rest.
  return (await runs.reserve(run, bound, limits, at)) ? undefined : wait("the month's budget is used up", { until: at + minuteMs });
}

function boundFor({ endpoint, input, output }: CallBound, prices: readonly Price[]): CostBound {
  return boundOf(input, output, prices[endpoint] ?? dearest(prices));
}

function dearest(prices: readonly Price[]): Price {
  return { input: Math.max(...prices.map(({ input }) => input)), output: Math.max(...prices.map(({ output }) => output)) };
}
