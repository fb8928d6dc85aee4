import type { Reply } from "../../queue/effect";
import { failed } from "../../queue/effect";
import { parseJson } from "../../queue/json";
import type { Http, HttpAnswer } from "../http";
import { answerTo } from "./ask";
import { chattedFrom } from "./completion";
import { type Dialect, withoutRefused } from "./dialect";
import type { Learned } from "./learned";
import type { Chat, Chatted, Message, Models, Part } from "./models";
import { errorIn, isAboutParameters, refusalOf } from "./refusal";
import type { ModelSettings } from "./settings";

export interface OpenaiOptions {
  http: Http;
  apiKey: string;
  /** Where its paths begin: `https://api.openai.com/v1`. */
  baseUrl: string;
  model: string;
  settings?: ModelSettings;
  /** Shared by all calls of an isolate. */
  learned: Learned;
  /** Whose endpoint it is: what one tenant's key may use says nothing about another's. */
  tenant: string;
  /** Milliseconds of the Worker's clock. */
  now: () => number;
}

/** A model may name each parameter once, and tokens and format twice. */
const maxRefusals = 5;
const usualMaxTokens = 4000;
/** For a model that used those up, as one that thinks first may. */
const raisedMaxTokens = 16_000;
const usualTimeoutSeconds = 60;

/**
 * Chat completions of OpenAI, or of an API that speaks as it does. A parameter that a refusal names is left out, the call is made
 * again, and what the endpoint took is remembered for an hour, as are the tokens that a model needs. Asking is harmless when repeated, so what was lost on the way is
 * `transient`. Source: OpenAI's API reference, structured outputs and error codes.
 */
export function openai(options: OpenaiOptions): Models {
  const { settings = {}, learned, now } = options;
  const endpoint = JSON.stringify([options.tenant, options.baseUrl, options.model, settings]);
  const chat = async (asked: Chat, signal: AbortSignal): Promise<Reply<Chatted>> => {
    let dialect = learned.get(endpoint, now()) ?? dialectOf(settings);
    for (let refusals = 0; ; refusals++) {
      const reply = await post(asked, dialect, options, signal);
      if (!reply.ok) return failed({ ...reply.failure, reason: `model: ${reply.failure.reason}` });
      const body = bodyIn(reply.value);
      const refused = errorIn(reply.value, body);
      if (!refused) {
        const answer = chattedFrom(body, options.model);
        const wasCut = answer.ok && answer.value.end === "length" && (asked.maxTokens ?? settings.maxTokens) === undefined;
        const raised = wasCut ? { ...dialect, maxTokens: raisedMaxTokens } : dialect;
        if (refusals > 0 || raised.maxTokens !== dialect.maxTokens) learned.set(endpoint, raised, now());
        return answer;
      }
      const next = isAboutParameters(refused) && refusals < maxRefusals ? withoutRefused(dialect, refused) : undefined;
      if (!next) return failed(refusalOf(refused, [options.apiKey, ...textsOf(asked.messages)], now()));
      dialect = next;
    }
  };
  return {
    idempotentFor: 7 * 24 * 3600,
    endpoints: [{ model: options.model, price: settings.price }],
    chat,
    ask: (question, signal) => answerTo(question, chat, signal),
  };
}

function dialectOf({ temperature = 0, tokensParameter = "max_completion_tokens", responseFormat = "json_schema" }: ModelSettings): Dialect {
  return { temperature, tokensParameter, responseFormat, maxTokens: usualMaxTokens };
}

/** Undefined when it is no JSON, or nested too deep. */
function bodyIn(answer: HttpAnswer): unknown {
  const json = parseJson(answer.text());
  return json.ok ? json.value : undefined;
}

function post(asked: Chat, dialect: Dialect, { http, baseUrl, apiKey, model, settings = {} }: OpenaiOptions, signal: AbortSignal): Promise<Reply<HttpAnswer>> {
  return http({
    method: "POST",
    url: `${baseUrl.replace(/\/$/, "")}/chat/completions`,
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ model, ...bodyOf(asked, dialect, settings.maxTokens) }),
    repeatable: true,
    timeLimit: (settings.timeoutSeconds ?? usualTimeoutSeconds) * 1000,
    signal,
  });
}

function bodyOf(
  asked: Chat,
  { temperature, tokensParameter, responseFormat, maxTokens: usual }: Dialect,
  maxTokens: number | undefined,
): Record<string, unknown> {
  const bound = Math.min(asked.maxTokens ?? maxTokens ?? usual, maxTokens ?? Infinity);
  const { format, tools = [] } = asked;
  const told = format && responseFormat !== "json_schema" ? [schemaTold(format.schema)] : [];
  return {
    messages: [...told, ...asked.messages].map(messageOf),
    ...(temperature === undefined ? {} : { temperature }),
    ...(tokensParameter === "none" ? {} : { [tokensParameter]: bound }),
    ...(format && responseFormat === "json_schema" ? { response_format: { type: responseFormat, json_schema: { ...format, strict: true } } } : {}),
    ...(format && responseFormat === "json_object" ? { response_format: { type: responseFormat } } : {}),
    ...(tools.length === 0 ? {} : { tools: tools.map((tool) => ({ type: "function", function: tool })), tool_choice: asked.toolChoice ?? "auto" }),
  };
}

/** For endpoints that take no schema. */
function schemaTold(schema: Record<string, unknown>): Message {
  return { role: "system", content: `Answer with one JSON object that fits this JSON Schema, and with nothing else:\n${JSON.stringify(schema)}` };
}

function messageOf(message: Message): Record<string, unknown> {
  if (message.role === "tool") return { role: "tool", tool_call_id: message.toolCallId, content: message.content };
  if (message.role === "user" && typeof message.content !== "string") return { role: "user", content: message.content.map(partOf) };
  if (message.role !== "assistant" || !message.toolCalls?.length) return { role: message.role, content: message.content };
  const calls = message.toolCalls.map(({ id, name, input = {} }) => ({ id, type: "function", function: { name, arguments: JSON.stringify(input) } }));
  return { role: "assistant", content: message.content || null, tool_calls: calls };
}

function partOf(part: Part): Record<string, unknown> {
  return part.type === "text" ? { type: "text", text: part.text } : { type: "image_url", image_url: { url: part.url } };
}

/** What a provider's message must not repeat. */
function textsOf(messages: readonly Message[]): string[] {
  return messages.flatMap(({ role, content }) => {
    if (role === "system") return [];
    return typeof content === "string" ? [content] : content.flatMap((part) => (part.type === "text" ? [part.text] : []));
  });
}
