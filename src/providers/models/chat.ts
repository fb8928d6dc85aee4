import type { Failure, Reply } from "../../queue/effect";
import { failed } from "../../queue/effect";
import { chattedFrom } from "./completion";
import { type Dialect, withoutRefused } from "./dialect";
import type { Learned } from "./learned";
import { isUnbilled } from "./billed";
import type { CallBound, CallOptions, Chat, Models, OverBudget } from "./models";
import { maxTokensOf, type ModelRequest, requestFrom } from "./request";
import type { ModelSettings } from "./settings";

/** What an endpoint did with one request: `body` is its answer as a chat completion, or it refused. */
export type Exchanged = { body: unknown } | { refused: Refused };

export interface Refused {
  /** It may be about a parameter that was sent; `param` and `text` are searched for its name. */
  isAboutParameters: boolean;
  param?: unknown;
  text: string;
  /** What the refusal means when no parameter can be changed. */
  failure: Failure;
}

export interface ChatOptions {
  /** Names the endpoint and who asks it: what one tenant's key may use says nothing about another's. */
  endpoint: string;
  model: string;
  /** What is sent until the endpoint refuses a part of it. */
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
  asked: Chat;
  /** Tokens that the answer may have. */
  maxTokens: number;
  signal: AbortSignal;
  job: string | undefined;
}

/** A model may name each parameter once, and tokens and format twice. */
const maxRefusals = 5;
const usualMaxTokens = 4000;
/** For a model that used those up, as one that thinks first may. */
const raisedMaxTokens = 16_000;
export const usualTimeoutSeconds = 60;
/** Of an answer for which no bound is sent: what the largest models write at most. A connection's `maxTokens` says less. */
const maxAnswer = 128_000;

/** What the settings say, and `usual` where they say nothing. */
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
 * Makes chats of exchanges. A parameter that a refusal names is left out, the call is made again, and what the endpoint took is
 * remembered for an hour, as are the tokens that a model needs.
 */
export function chatBy(
  { endpoint, model, dialect: first, settings, learned, now }: ChatOptions,
  exchange: (call: Exchange) => Promise<Reply<Exchanged>>,
): Models["chat"] {
  return async (asked, signal, { job, meter } = {}) => {
    let dialect = learned.get(endpoint, now()) ?? first;
    for (let refusals = 0; ; refusals++) {
      const request = requestFrom(asked, dialect, settings.maxTokens);
      if (meter && !(await meter.reserve(boundOf(request, asked, dialect, settings)))) return failed(notAllowed);
      const reply = await exchange({ request, asked, maxTokens: maxTokensOf(asked, dialect.maxTokens, settings.maxTokens), signal, job });
      if (!reply.ok) return lostAnswer(reply.failure, meter);
      if ("body" in reply.value) {
        const answer = chattedFrom(reply.value.body, model);
        const wasCut = answer.ok && answer.value.end === "length" && (asked.maxTokens ?? settings.maxTokens) === undefined;
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

/** By the bytes of what is sent: the schema may be among the messages, and a token has a byte at least. */
function boundOf(request: ModelRequest, asked: Chat, dialect: Dialect, { maxTokens }: ModelSettings): CallBound {
  const input = new TextEncoder().encode(JSON.stringify(request)).length;
  const isSent = dialect.tokensParameter !== "none";
  return { endpoint: 0, input, output: isSent ? maxTokensOf(asked, dialect.maxTokens, maxTokens) : (maxTokens ?? maxAnswer) };
}
