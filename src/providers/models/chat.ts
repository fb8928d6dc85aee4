import type { Failure, Reply } from "../../queue/effect";
import { failed } from "../../queue/effect";
import { chattedFrom } from "./completion";
import { type Dialect, withoutRefused } from "./dialect";
import type { Learned } from "./learned";
import type { Chat, Chatted } from "./models";
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

/** A model may name each parameter once, and tokens and format twice. */
const maxRefusals = 5;
const usualMaxTokens = 4000;
/** For a model that used those up, as one that thinks first may. */
const raisedMaxTokens = 16_000;
export const usualTimeoutSeconds = 60;

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
  exchange: (asked: Chat, dialect: Dialect, signal: AbortSignal) => Promise<Reply<Exchanged>>,
): (asked: Chat, signal: AbortSignal) => Promise<Reply<Chatted>> {
  return async (asked, signal) => {
    let dialect = learned.get(endpoint, now()) ?? first;
    for (let refusals = 0; ; refusals++) {
      const reply = await exchange(asked, dialect, signal);
      if (!reply.ok) return reply;
      if ("body" in reply.value) {
        const answer = chattedFrom(reply.value.body, model);
        const wasCut = answer.ok && answer.value.end === "length" && (asked.maxTokens ?? settings.maxTokens) === undefined;
        const raised = wasCut ? { ...dialect, maxTokens: raisedMaxTokens } : dialect;
        if (refusals > 0 || raised.maxTokens !== dialect.maxTokens) learned.set(endpoint, raised, now());
        return answer;
      }
      const { refused } = reply.value;
      const next = refused.isAboutParameters && refusals < maxRefusals ? withoutRefused(dialect, refused) : undefined;
      if (!next) return failed(refused.failure);
      dialect = next;
    }
  };
}
