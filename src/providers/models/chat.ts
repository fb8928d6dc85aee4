import { type Failure, type Reply, failed } from "../../queue/effect";
import { chattedFrom } from "./completion";
import { type Dialect, withoutRefused } from "./dialect";
import type { Learned } from "./learned";
import type { CallBound, CallOptions, ChatRequest, Models, OverBudget } from "./models";
import { maxTokensOf, type ModelRequest, requestFrom } from "./request";
import type { ModelSettings } from "./settings";

/** The result of one request to an endpoint: `body` is a chat completion, or it was refused. */
export type Exchanged = { body: unknown } | { refused: ModelRefusal };

export interface ModelRefusal {
  /** Whether the refusal may concern a parameter; its name is searched in `param` and `text`. */
  isAboutParameters: boolean;
  param?: unknown;
  text: string;
  /** The failure when no parameter can be changed. */
  failure: Failure;
}

interface ChatOptions {
  /** Identifies endpoint and tenant: keys of tenants may have different permissions. */
  endpoint: string;
  model: string;
  /** The dialect to begin with, until the endpoint refuses a part of it. */
  dialect: Dialect;
  settings: ModelSettings;
  /** Shared by all calls of an isolate. */
  learned: Learned;
  /** Milliseconds of the Worker's clock. */
  now: () => number;
}

/** One request to an endpoint. */
export interface Exchange {
  request: ModelRequest;
  chatRequest: ChatRequest;
  /** Tokens of the answer. */
  maxTokens: number;
  signal: AbortSignal;
  job: string | undefined;
}

/** Refusals in one chat: one for each parameter, two for tokens and format. */
const maxRefusals = 5;
const usualMaxTokens = 4000;
/** The bound after an answer was cut off, for example by thinking. */
const raisedMaxTokens = 16_000;
export const usualTimeoutSeconds = 60;
/** Assumed for an answer without a bound: the limit of the largest models. A connection's `maxTokens` lowers it. */
const maxAnswer = 128_000;

/** The settings, with `usual` for those that are not set. */
export function dialectOf(
  { temperature, tokensParameter, responseFormat }: ModelSettings,
  usual: Pick<Dialect, "temperature" | "tokensParameter" | "responseFormat">,
): Dialect {
  return {
    temperature: temperature ?? usual.temperature,
    tokensParameter: tokensParameter ?? usual.tokensParameter,
    responseFormat: responseFormat ?? usual.responseFormat,
    maxTokens: usualMaxTokens,
  };
}

/**
 * Makes a chat function of an exchange. A parameter that a refusal names is omitted and the call repeated. The parameters that the endpoint
 * accepted, and the tokens that a model needs, are cached for an hour.
 */
export function chatBy(
  { endpoint, model, dialect: first, settings, learned, now }: ChatOptions,
  exchange: (call: Exchange) => Promise<Reply<Exchanged>>,
): Models["chat"] {
  return async (chatRequest, signal, { job, meter } = {}) => {
    let dialect = learned.get(endpoint, now()) ?? first;
    for (let refusals = 0; ; refusals++) {
      const request = requestFrom(chatRequest, dialect, settings.maxTokens);
      if (meter && !(await meter.reserve(boundOf(request, chatRequest, dialect, settings)))) return failed(notAllowed);
      const reply = await exchange({ request, chatRequest, maxTokens: maxTokensOf(chatRequest, dialect.maxTokens, settings.maxTokens), signal, job });
      if (!reply.ok) return lostAnswer(reply.failure, meter);
      if ("body" in reply.value) {
        const answer = chattedFrom(reply.value.body, model);
        const wasCut = answer.ok && answer.value.end === "length" && (chatRequest.maxTokens ?? settings.maxTokens) === undefined;
        const raised = wasCut ? { ...dialect, maxTokens: raisedMaxTokens } : dialect;
        if (refusals > 0 || raised.maxTokens !== dialect.maxTokens) learned.set(endpoint, raised, now());
        return answer.ok ? answer : lostAnswer(answer.failure, meter);
      }
      const { refused } = reply.value;
      const next = refused.isAboutParameters && refusals < maxRefusals ? withoutRefused(dialect, refused) : undefined;
      if (!next) return lostAnswer(refused.failure, meter);
      await meter?.lost(false);
      dialect = next;
    }
  };
}

export const overBudget: OverBudget = "over_budget";

const notAllowed: Failure = { class: "config", reason: "models: the budget does not allow the call", code: overBudget };

async function lostAnswer(failure: Failure, meter: CallOptions["meter"]): Promise<Reply<never>> {
  await meter?.lost(!isUnbilled(failure));
  return failed(failure);
}

/** Bounded by the bytes of the request, schema included: a token has at least one byte. */
function boundOf(request: ModelRequest, chatRequest: ChatRequest, dialect: Dialect, { maxTokens }: ModelSettings): CallBound {
  const input = new TextEncoder().encode(JSON.stringify(request)).length;
  const isSent = dialect.tokensParameter !== "none";
  return { endpoint: 0, input, output: isSent ? maxTokensOf(chatRequest, dialect.maxTokens, maxTokens) : (maxTokens ?? maxAnswer) };
}

/** Permanent refusals from before a model begins to answer. */
const beforeAnswer: readonly (string | undefined)[] = [
  ...["context_length_exceeded", "invalid_request_error", "invalid_request", "model_not_found"],
  ...["400", "404", "405", "413", "415", "422"],
  // Codes of Workers AI for a request that was not accepted.
  ...["3003", "3006", "5004", "5006"],
];

/** Whether a failed call was certainly not billed: it was refused before an answer began. A time-out, a 5xx and a filtered answer may be billed. */
export function isUnbilled({ class: kind, code }: Failure): boolean {
  return kind === "limited" || kind === "config" || (kind === "permanent" && beforeAnswer.includes(code));
}
