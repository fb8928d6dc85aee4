import type { OverBudget, Price } from "../../providers/models/models";
import { type Budget, type BudgetInput, microsOf, type Step, type TenantBudget, type Used, usdOf } from "./model";

/** What one call may cost at most. */
export interface Bound {
  tokens: number;
  micros: number;
}

export const noBound: Bound = { tokens: 0, micros: 0 };

/** The code of a failure: the budget did not allow the call, which was not made. */
export const overBudget: OverBudget = "over_budget";

/** USD that all agents of a tenant may cost in a month, where the tenant set nothing else. */
const usualTenantUsdPerMonth = 100;

export function tenantUsdPerMonth(set: TenantBudget | null): number {
  return set?.usdPerMonth ?? usualTenantUsdPerMonth;
}

/** Of a month, and of one agent of a tenant or all of them. */
export interface Spend {
  micros: number;
  tokens: number;
  calls: number;
  /** Milliseconds. */
  lastAt: number;
}

export const noSpend: Spend = { micros: 0, tokens: 0, calls: 0, lastAt: 0 };

/** From this part of a month's money on, calls are spread over the rest of the month. */
const slowFrom = 0.8;
const maxPace = 3_600_000;

/** What a tenant set, within what the agent allows by default. */
export function budgetOf(limits: Budget, set: BudgetInput | null): Budget {
  const changes = Object.entries(set ?? {}).filter(([, value]) => value !== undefined);
  return { ...limits, ...(Object.fromEntries(changes) as Partial<Budget>) };
}

export function boundOf(inputTokens: number, maxAnswerTokens: number, price: Price): Bound {
  return { tokens: inputTokens + maxAnswerTokens, micros: microsFor({ input: inputTokens, output: maxAnswerTokens }, price) };
}

/** Millionths of a USD: prices are USD per million tokens. Rounded up. */
export function microsFor({ input, output }: { input: number; output: number }, price: Price): number {
  return Math.ceil(input * price.input + output * price.output);
}

/** Why the next call may not be made: it could exceed what one run may use. Undefined: it may. Pure. */
export function exceeded(budget: Budget, used: Used, steps: readonly Step[], next: Bound): string | undefined {
  const made = steps.filter(({ kind }) => kind === "model").length;
  if (made >= budget.maxSteps) return `the budget of ${budget.maxSteps} steps is used up`;
  if (used.ms >= budget.maxSeconds * 1000) return `the budget of ${budget.maxSeconds} s in model calls is used up`;
  if (used.tokens + next.tokens > budget.maxTokens)
    return `the next call could take the run over its budget of ${budget.maxTokens} tokens (${used.tokens} used, up to ${next.tokens} needed)`;
  if (used.micros + next.micros > microsOf(budget.usdPerRun))
    return `the next call could take the run over its budget of ${budget.usdPerRun} USD (${usdOf(used.micros)} used, up to ${usdOf(next.micros)} needed)`;
  return undefined;
}

/**
 * Whether the month's money allows a call now. From 80 % on calls are paced so that the rest lasts until the month ends, at most an hour apart;
 * what does not fit waits for the next month. Pure.
 */
export function monthVerdict(spend: Spend, next: Bound, usdPerMonth: number, now: number, whose = ""): MonthVerdict {
  const limit = microsOf(usdPerMonth);
  const end = nextMonth(now);
  const name = `the month's budget of ${usdPerMonth} USD${whose}`;
  if (spend.micros + next.micros > limit) return { ok: false, reason: `${name} is used up`, until: end };
  if (spend.micros < limit * slowFrom) return { ok: true };
  const share = next.micros / Math.max(1, limit - spend.micros);
  const until = spend.lastAt + Math.min(maxPace, Math.round((end - now) * share));
  return until <= now ? { ok: true } : { ok: false, reason: `slowed down: most of ${name} is used`, until };
}

export type MonthVerdict = { ok: true } | { ok: false; reason: string; until: number };

/** Whether a run waits for a month's money: a larger budget brings it forward. */
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
