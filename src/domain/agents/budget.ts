import type { OverBudget, Price } from "../../providers/models/models";
import { type AgentBudget, type BudgetInput, microsOf, type AgentStep, type TenantBudget, type Used, usdFromMicros } from "./model";
import { hourMs } from "../../time/day";

/** What one call may cost at most. */
export interface CostBound {
  tokens: number;
  micros: number;
}

export const noBound: CostBound = { tokens: 0, micros: 0 };

/** The code of a failure: the budget did not allow the call, which was not made. */
export const overBudgetCode: OverBudget = "over_budget";

/** USD that all agents of a tenant may cost in a month, where the tenant set nothing else. */
const usualTenantUsdPerMonth = 100;

export function tenantUsdPerMonth(set: TenantBudget | null): number {
  return set?.usdPerMonth ?? usualTenantUsdPerMonth;
}

/** What one agent of a tenant, or all of them, used in a month. */
export interface Spend {
  micros: number;
  tokens: number;
  calls: number;
  /** When the newest call was made. Milliseconds. */
  lastAt: number;
}

export const noSpend: Spend = { micros: 0, tokens: 0, calls: 0, lastAt: 0 };

/** Above this share of a month's budget, calls are spread over the rest of the month. */
const slowFrom = 0.8;
const maxPaceMs = hourMs;

/** The agent's default limits, replaced by those that the tenant set. */
export function budgetOf(limits: AgentBudget, set: BudgetInput | null): AgentBudget {
  const changes = Object.entries(set ?? {}).filter(([, value]) => value !== undefined);
  return { ...limits, ...(Object.fromEntries(changes) as Partial<AgentBudget>) };
}

export function boundOf(inputTokens: number, maxAnswerTokens: number, price: Price): CostBound {
  return { tokens: inputTokens + maxAnswerTokens, micros: microsFor({ input: inputTokens, output: maxAnswerTokens }, price) };
}

/** Millionths of a USD: prices are USD per million tokens. Rounded up. */
export function microsFor({ input, output }: { input: number; output: number }, price: Price): number {
  return Math.ceil(input * price.input + output * price.output);
}

/** Why the next call is refused: it could exceed the budget of the run. Undefined: it is allowed. Pure. */
export function exceeded(budget: AgentBudget, used: Used, steps: readonly AgentStep[], next: CostBound): string | undefined {
  const made = steps.filter(({ kind }) => kind === "model").length;
  if (made >= budget.maxSteps) return `the budget of ${budget.maxSteps} steps is used up`;
  if (used.ms >= budget.maxSeconds * 1000) return `the budget of ${budget.maxSeconds} s in model calls is used up`;
  if (used.tokens + next.tokens > budget.maxTokens)
    return `the next call could take the run over its budget of ${budget.maxTokens} tokens (${used.tokens} used, up to ${next.tokens} needed)`;
  if (used.micros + next.micros > microsOf(budget.usdPerRun))
    return `the next call could take the run over its budget of ${budget.usdPerRun} USD (${usdFromMicros(used.micros)} used, up to ${usdFromMicros(next.micros)} needed)`;
  return undefined;
}

/**
 * Whether the month's budget allows a call now. Above 80 % of the budget calls are paced, at most one hour apart, so that the rest lasts
 * until the month ends. A call that exceeds the budget waits for the next month. Pure.
 */
export function checkMonth(spend: Spend, next: CostBound, usdPerMonth: number, now: number, whose = ""): MonthCheck {
  const limit = microsOf(usdPerMonth);
  const end = nextMonth(now);
  const name = `the month's budget of ${usdPerMonth} USD${whose}`;
  if (spend.micros + next.micros > limit) return { ok: false, reason: `${name} is used up`, until: end };
  if (spend.micros < limit * slowFrom) return { ok: true };
  const share = next.micros / Math.max(1, limit - spend.micros);
  const until = spend.lastAt + Math.min(maxPaceMs, Math.round((end - now) * share));
  return until <= now ? { ok: true } : { ok: false, reason: `slowed down: most of ${name} is used`, until };
}

type MonthCheck = { ok: true } | { ok: false; reason: string; until: number };

/** Whether a run waits for its monthly budget: a larger budget wakes it. */
export function waitsForMoney(reason: string): boolean {
  return reason.startsWith("the month's budget") || reason.startsWith("slowed down: most of the month's budget");
}

/** `2026-11`, UTC. */
export function monthOf(now: number): string {
  return new Date(now).toISOString().slice(0, 7);
}

function nextMonth(now: number): number {
  const date = new Date(now);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}
