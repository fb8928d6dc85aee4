import { boundOf, budgetOf, exceeded, microsFor, monthVerdict } from "../../domain/agents/budget";
import { jsonIn } from "../../json/json-in";
import { type Answer, microsOf } from "../../domain/agents/model";
import { chatOf, promptHash, tokensIn } from "../../domain/agents/prompt";
import { priceOf } from "../../domain/agents/prices";
import type { Price } from "../../providers/models/models";
import type { Chatted } from "../../providers/models/models";
import { type Failure, outcomeOf } from "../../queue/effect";
import { discard, type Outcome, wait } from "../../queue/outcome";
import { check } from "../../queue/validate";
import { type Going, record } from "./going";

// Failures of calls that a provider may have billed: there was an answer, or nobody knows.
const maybeBilled: readonly (string | undefined)[] = [undefined, "misfit", "refusal", "content_filter", "error", "overloaded"];

/** One call of the model, within the budgets, recorded before anything is done with its answer. Undefined: go on. */
export async function ask(going: Going, step: number): Promise<Outcome | undefined> {
  const { agent, context, run } = going;
  const { runs } = context.agents;
  const chat = chatOf(agent, going.steps);
  const prices = context.models.endpoints.map(({ model, price }) => priceOf(model, price));
  const bound = boundOf(tokensIn(chat), agent.maxAnswerTokens, dearest(prices));
  const budget = budgetOf(agent.limits, (await runs.settings(agent.type)).budget);
  const tooMuch = exceeded(budget, going, going.steps, bound);
  if (tooMuch !== undefined) return discard(tooMuch);
  const at = context.now();
  const month = monthVerdict(await runs.spend(agent.type, at), bound, budget.usdPerMonth, at);
  if (!month.ok) return wait(month.reason, { until: month.until });
  if (!(await runs.reserve(run, bound, microsOf(budget.usdPerMonth), at))) return wait("the month's budget is used up", { until: at + 60_000 });
  const reply = await context.models.chat(chat, context.signal);
  if (!reply.ok) {
    if (isUnbilled(reply.failure)) await runs.release(run, bound, at);
    return outcomeOf(reply.failure, context.now());
  }
  const tokens = tokensOf(reply.value, bound.tokens - agent.maxAnswerTokens);
  const micros = microsFor(tokens, prices[reply.value.endpoint ?? 0] ?? dearest(prices));
  const used = { tokens: tokens.input + tokens.output, micros, ms: context.now() - at };
  const body = answerFrom(going, reply.value, tokens, await promptHash(chat));
  await record(going, { step, place: 0, kind: "model", body, tokens: used.tokens, micros }, runs.settleWrites(run, bound, used, at));
  going.tokens += used.tokens;
  going.micros += micros;
  going.ms += used.ms;
  return undefined;
}

function isUnbilled({ class: kind, code }: Failure): boolean {
  return kind === "limited" || kind === "config" || !maybeBilled.includes(code);
}

function dearest(prices: readonly Price[]): Price {
  return { input: Math.max(...prices.map(({ input }) => input)), output: Math.max(...prices.map(({ output }) => output)) };
}

/** Some endpoints do not count: then what was estimated counts. */
function tokensOf({ tokens, text, toolCalls }: Chatted, estimated: number): { input: number; output: number } {
  if (tokens.input + tokens.output > 0) return tokens;
  return { input: estimated, output: Math.ceil((text.length + JSON.stringify(toolCalls).length) / 3) };
}

/** The answer with what is wrong with it: it was cut off, or neither asks for tools nor is the output that was asked for. */
function answerFrom({ agent }: Going, { text, toolCalls, end, model }: Chatted, tokens: Answer["tokens"], hash: string): Answer {
  const answer = { text, toolCalls, model, promptHash: hash, tokens };
  if (end === "length") return { ...answer, toolCalls: [], flaw: `it was cut off at the bound of ${agent.maxAnswerTokens} tokens` };
  if (toolCalls.length > 0) return answer;
  const value = jsonIn(text);
  if (value === undefined) return { ...answer, flaw: "it is no JSON" };
  const checked = check(agent.output, value);
  if (!checked.ok) return { ...answer, flaw: `it does not fit: ${[...new Set(checked.issues.map(issueText))].join("; ")}` };
  return { ...answer, output: checked.value };
}

// The reason of a dead letter holds nothing that a model wrote, and the names of unknown fields are such.
function issueText({ path, message }: { path: string; message: string }): string {
  return message.startsWith("is not a field") ? "it has fields that were not asked for" : `${path || "the whole"} ${message}`;
}
