import { budgetOf, exceeded, microsFor, noBound, overBudgetCode, tenantUsdPerMonth } from "../../domain/agents/budget";
import { issueText } from "../../domain/agents/guard";
import { jsonIn } from "../../json/json-in";
import type { ModelAnswer } from "../../domain/agents/model";
import { chatOf, hashOf } from "../../domain/agents/prompt";
import { priceOf, unknownPrice } from "../../domain/agents/prices";
import type { Chatted, Price } from "../../providers/models/models";
import { outcomeOf } from "../../queue/effect";
import { discard, type Outcome } from "../../queue/outcome";
import { check } from "../../queue/validate";
import { type OpenRun, recordStep } from "./open-run";
import { addUsage, createBudgetMeter, type Reserved } from "./meter";

/** One call to the model, within the budgets, recorded before its answer is used. Undefined: the run continues. */
export async function askModel(openRun: OpenRun, step: number): Promise<Outcome | undefined> {
  const { agent, context } = openRun;
  const settings = await context.agents.runs.settings(agent.type);
  const budget = budgetOf(agent.limits, settings.budget);
  const usedUp = exceeded(budget, openRun, openRun.steps, noBound);
  if (usedUp !== undefined) return discard(usedUp);
  const chat = chatOf(agent, openRun.steps);
  const prices = context.models.endpoints.map(({ model, price }) => priceOf(model, price));
  const meter = createBudgetMeter(openRun, budget, tenantUsdPerMonth(settings.tenant), prices);
  // The call ends when the budget of time is used up, even before the endpoint's time limit.
  const timeUp = AbortSignal.timeout(Math.max(1, budget.maxSeconds * 1000 - openRun.ms));
  const reply = await context.models.chat(chat, AbortSignal.any([context.signal, timeUp]), { job: context.id, meter });
  if (reply.ok) {
    const answer = answerFrom(openRun, reply.value, await hashOf(chat));
    await recordAnswer(openRun, step, answer, meter.reserved, prices[reply.value.endpoint ?? 0]);
    return undefined;
  }
  if (timeUp.aborted && !context.signal.aborted) return discard(`the budget of ${budget.maxSeconds} s in model calls is used up`);
  return reply.failure.code === overBudgetCode && meter.ended ? meter.ended : outcomeOf(reply.failure, context.now());
}

/** Records the answer with its cost, which replaces the reservation. */
async function recordAnswer(openRun: OpenRun, step: number, answer: ModelAnswer, reserved: Reserved | undefined, price: Price = unknownPrice): Promise<void> {
  const { context, run } = openRun;
  const { tokens: bound, micros: dearest, at } = reserved ?? { ...noBound, at: context.now() };
  // Some endpoints report no tokens: then the reservation counts.
  const isCounted = answer.tokens.input + answer.tokens.output > 0;
  const tokens = isCounted ? answer.tokens.input + answer.tokens.output : bound;
  const micros = isCounted ? microsFor(answer.tokens, price) : dearest;
  const used = { tokens, micros, ms: context.now() - at };
  const settled = context.agents.runs.settleWrites(run, { tokens: bound, micros: dearest }, used, at);
  await recordStep(openRun, { step, place: 0, kind: "model", body: answer, tokens, micros }, settled);
  addUsage(openRun, { tokens: tokens - bound, micros: micros - dearest, ms: used.ms });
}

/** The answer, with its issue: it was cut off, or neither requests tools nor is a valid output. */
function answerFrom({ agent }: OpenRun, { text, toolCalls, end, model, tokens }: Chatted, hash: string): ModelAnswer {
  const answer = { text, toolCalls, model, promptHash: hash, tokens };
  if (end === "length") return { ...answer, toolCalls: [], flaw: `it was cut off at the bound of ${agent.maxAnswerTokens} tokens` };
  if (toolCalls.length > 0) return answer;
  const value = jsonIn(text);
  if (value === undefined) return { ...answer, flaw: "it is no JSON" };
  const checked = check(agent.output, value);
  if (!checked.ok) return { ...answer, flaw: `it does not fit: ${[...new Set(checked.issues.map(issueText))].join("; ")}` };
  return { ...answer, output: checked.value };
}
