import { failed, ok, type Reply } from "../../queue/effect";
import type { CallResult } from "../../queue/ports/gates";
import { unlessAborted } from "../body";
import { answerTo } from "./ask";
import { chatBy, dialectOf, type Exchange, type Exchanged, usualTimeoutSeconds } from "./chat";
import type { Learned } from "./learned";
import type { Models } from "./models";
import type { ModelRequest } from "./request";
import type { ModelSettings } from "./settings";
import { refusalIn } from "./workers-ai-refusal";
import { isRecord } from "../../json/record";
import * as v from "valibot";
import { boundedList } from "../../bounded";

/** The used part of the binding `ai`. */
export interface AiBinding {
  run(model: string, input: Record<string, unknown>, options: AiCallOptions): Promise<unknown>;
}

interface AiCallOptions {
  signal: AbortSignal;
  gateway?: {
    id: string;
    metadata: Record<string, string>;
    collectLog: boolean;
    skipCache: boolean;
    requestTimeoutMs: number;
    retries: { maxAttempts: 1 };
  };
}

export interface WorkersAiOptions {
  /** Undefined where the Worker has no such binding. */
  binding: AiBinding | undefined;
  /** A model of Cloudflare's catalogue: `@cf/google/gemma-3-12b-it`. */
  model: string;
  settings?: ModelSettings;
  /** Shared by all calls of an isolate. */
  learned: Learned;
  tenant: string;
  /** The AI Gateway for calls; undefined: none. */
  gateway?: string | undefined;
  /** Whether the gateway logs requests and answers. */
  collectLog?: boolean | undefined;
  now: () => number;
  /** Receives the result of each call, for the circuit breaker. */
  onResult?: ((result: CallResult) => void) | undefined;
}

/**
 * Workers AI by its binding. Its models differ in parameters and answers: the schema of an answer is in the instructions, since
 * few of them support one, and both shapes of answers are read. A repeat is harmless.
 * Source: the types of the binding, and Cloudflare's tables of errors.
 */
export function createWorkersAi(options: WorkersAiOptions): Models {
  const { binding, model, settings = {}, learned, now } = options;
  const endpoint = JSON.stringify(["workers-ai", options.tenant, model, settings]);
  const usual = { temperature: 0, tokensParameter: "max_tokens", responseFormat: "json_object" } as const;
  const chat = chatBy({ endpoint, model, dialect: dialectOf(settings, usual), settings, learned, now }, async (call) => {
    if (!binding) return failed({ class: "config", reason: "models: this Worker has no binding of Workers AI named AI", code: "binding" });
    if (call.signal.aborted) return failed({ class: "transient", reason: "models: the run had ended before the call" });
    return exchange(binding, options, call);
  });
  return {
    idempotentFor: Number.POSITIVE_INFINITY,
    endpoints: [{ model, price: settings.price }],
    chat,
    ask: (question, signal, call) => answerTo(question, chat, signal, call),
  };
}

async function exchange(binding: AiBinding, options: WorkersAiOptions, call: Exchange): Promise<Reply<Exchanged>> {
  const { request, maxTokens, signal: run, job } = call;
  const { model, settings = {}, now, onResult } = options;
  const milliseconds = (settings.timeoutSeconds ?? usualTimeoutSeconds) * 1000;
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error("time limit")), milliseconds);
  const signal = AbortSignal.any([run, limit.signal]);
  try {
    const answer = await unlessAborted(binding.run(model, inputFrom(request), { signal, ...gatewayOf(options, milliseconds, job) }), signal);
    onResult?.("answered");
    return ok({ body: completionFrom(answer, maxTokens) });
  } catch (thrown) {
    if (run.aborted) return failed({ class: "transient", reason: "models: the run ended while the call was under way" });
    const refused = refusalIn(thrown, limit.signal.aborted, now());
    onResult?.(refused.isFault ? "transient" : "answered");
    return ok({ refused });
  } finally {
    clearTimeout(timer);
  }
}

/** Some models refuse a message without content. */
function inputFrom({ messages, ...rest }: ModelRequest): Record<string, unknown> {
  return { messages: messages.map((message) => ({ ...message, content: message.content ?? "" })), ...rest };
}

/** The gateway's retries and cache are off: its retries would multiply those of the ledger, and a cached answer that did not fit would be returned again. */
function gatewayOf(
  { gateway, tenant, collectLog = false }: WorkersAiOptions,
  requestTimeoutMs: number,
  job: string | undefined,
): Pick<AiCallOptions, "gateway"> {
  if (gateway === undefined) return {};
  const metadata = { tenant, ...(job === undefined ? {} : { job }) };
  return { gateway: { id: gateway, metadata, collectLog, skipCache: true, requestTimeoutMs, retries: { maxAttempts: 1 } } };
}

const count = v.fallback(v.nullish(v.number()), null);

/** The answer of older models: text, or in JSON mode the value itself, without the reason for its end. */
const generated = v.object({
  response: v.unknown(),
  tool_calls: v.fallback(v.nullish(boundedList(v.unknown(), 10_000)), null),
  usage: v.fallback(v.nullish(v.object({ prompt_tokens: count, completion_tokens: count })), null),
});

/** A model's answer as a chat completion, which newer models return themselves. `maxTokens`: bound of the answer. */
function completionFrom(answer: unknown, maxTokens: number): unknown {
  if (typeof answer === "string") return completion({ content: answer });
  if (!isRecord(answer) || "choices" in answer || !("response" in answer || "tool_calls" in answer)) return answer;
  const parsed = v.safeParse(generated, answer);
  if (!parsed.success) return answer;
  const { response, tool_calls, usage } = parsed.output;
  const calls = (tool_calls ?? []).filter(isRecord).map((call) => ("function" in call ? call : { id: call["id"], function: call }));
  const wasCut = (usage?.completion_tokens ?? 0) >= maxTokens;
  return { ...completion({ content: response ?? null, tool_calls: calls }, wasCut ? "length" : null), usage };
}

function completion(message: Record<string, unknown>, finish_reason: string | null = null): Record<string, unknown> {
  return { choices: [{ finish_reason, message }] };
}
