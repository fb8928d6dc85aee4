import { budgetOf, exceeded, microsFor, noBound, overBudget, tenantUsdPerMonth } from "../../domain/agents/budget";
import { issueText } from "../../domain/agents/issue";
import { jsonIn } from "../../json/json-in";
import type { Answer } from "../../domain/agents/model";
import { chatOf, hashOf } from "../../domain/agents/prompt";
import { priceOf, unknownPrice } from "../../domain/agents/prices";
import type { Chatted, Price } from "../../providers/models/models";
import { outcomeOf } from "../../queue/effect";
import { discard, type Outcome } from "../../queue/outcome";
import { check } from "../../queue/validate";
import { type Going, recordStep } from "./going";
import { count, createMeter, type Reserved } from "./meter";

/** One call of the model, within the budgets, recorded before anything is done with its answer. Undefined: go on. */
export async function askModel(going: Going, step: number): Promise<Outcome | undefined> {
  const { agent, context } = going;
  const settings = await context.agents.runs.settings(agent.type);
  const budget = budgetOf(agent.limits, settings.budget);
  const usedUp = exceeded(budget, going, going.steps, noBound);
  if (usedUp !== undefined) return discard(usedUp);
  const chat = chatOf(agent, going.steps);
  const prices = context.models.endpoints.map(({ model, price }) => priceOf(model, price));
  const meter = createMeter(going, budget, tenantUsdPerMonth(settings.tenant), prices);
  // The call ends when its time is used up, not when the endpoint's time limit is over.
  const timeUp = AbortSignal.timeout(Math.max(1, budget.maxSeconds * 1000 - going.ms));
  const reply = await context.models.chat(chat, AbortSignal.any([context.signal, timeUp]), { job: context.id, meter });
  if (reply.ok) {
    const answer = answerFrom(going, reply.value, await hashOf(chat));
    await recordAnswer(going, step, answer, meter.reserved, prices[reply.value.endpoint ?? 0]);
    return undefined;
  }
  if (timeUp.aborted && !context.signal.aborted) return discard(`the budget of ${budget.maxSeconds} s in model calls is used up`);
  return reply.failure.code === overBudget && meter.ended ? meter.ended : outcomeOf(reply.failure, context.now());
}

/** With what it cost, in place of its reservation. */
async function recordAnswer(going: Going, step: number, answer: Answer, reserved: Reserved | undefined, price: Price = unknownPrice): Promise<void> {
  const { context, run } = going;
  const { tokens: bound, micros: dearest, at } = reserved ?? { ...noBound, at: context.now() };
  // Some endpoints do not count: then what was reserved counts.
  const isCounted = answer.tokens.input + answer.tokens.output > 0;
  const tokens = isCounted ? answer.tokens.input + answer.tokens.output : bound;
  const micros = isCounted ? microsFor(answer.tokens, price) : dearest;
  const used = { tokens, micros, ms: context.now() - at };
  const settled = context.agents.runs.settleWrites(run, { tokens: bound, micros: dearest }, used, at);
  await recordStep(going, { step, place: 0, kind: "model", body: answer, tokens, micros }, settled);
  count(going, { tokens: tokens - bound, micros: micros - dearest, ms: used.ms });
}

/** The answer with what is wrong with it: it was cut off, or neither asks for tools nor is the output that was asked for. */
function answerFrom({ agent }: Going, { text, toolCalls, end, model, tokens }: Chatted, hash: string): Answer {
  const answer = { text, toolCalls, model, promptHash: hash, tokens };
  if (end === "length") return { ...answer, toolCalls: [], flaw: `it was cut off at the bound of ${agent.maxAnswerTokens} tokens` };
  if (toolCalls.length > 0) return answer;
  const value = jsonIn(text);
  if (value === undefined) return { ...answer, flaw: "it is no JSON" };
  const checked = check(agent.output, value);
  if (!checked.ok) return { ...answer, flaw: `it does not fit: ${[...new Set(checked.issues.map(issueText))].join("; ")}` };
  return { ...answer, output: checked.value };
}
