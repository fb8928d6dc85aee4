import type * as v from "valibot";
import type { Reply } from "../../queue/effect";

/** USD per million tokens. */
export interface Price {
  input: number;
  output: number;
}

/** A part of a user's message. `url` of an image is a data URI (`data:image/jpeg;base64,…`): models do not fetch other addresses. */
export type Part = { type: "text"; text: string } | { type: "image"; url: string };

/** A call of a tool that a model asks for. `input` is undefined when the model wrote no JSON; check it by the tool's schema. */
export interface ToolCall {
  id: string;
  name: string;
  input?: unknown;
}

/** One message of a conversation, as JSON: it may be stored and sent again. */
export type Message =
  | { role: "system"; content: string }
  | { role: "user"; content: string | readonly Part[] }
  | { role: "assistant"; content: string; toolCalls?: readonly ToolCall[] }
  | { role: "tool"; toolCallId: string; content: string };

/** A function that the model may ask to have called. `parameters` is a JSON Schema of an object. */
export interface Tool {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
}

/** One call of a model. */
export interface Chat {
  messages: readonly Message[];
  tools?: readonly Tool[];
  /** Default `auto` where there are tools. */
  toolChoice?: "auto" | "none" | "required";
  /** The answer's text is JSON of this JSON Schema, which is named to the model: letters, digits, - and _. Check it: some endpoints ignore it. */
  format?: { name: string; schema: Record<string, unknown> };
  /** Tokens the answer may have, thinking included. The connection's `maxTokens` is the upper bound; default: that, else 4,000. */
  maxTokens?: number;
}

export interface Tokens {
  input: number;
  output: number;
}

/** What a model answered. */
export interface Chatted {
  /** Without the model's thoughts. Empty when it only calls tools. */
  text: string;
  toolCalls: ToolCall[];
  /** `length`: cut off at the bound of tokens, so `text` and the last tool call may be incomplete. */
  end: "stop" | "tools" | "length";
  /** As the provider named it. */
  model: string;
  tokens: Tokens;
  /** Which of several endpoints answered, by its place in the list. */
  endpoint?: number;
}

/** One question to a model that is answered by a value. */
export interface Question<Answer> {
  /** The instruction, written by Jobyard or the agent. */
  instructions: string;
  /** The data to work on, of a tenant or an unknown sender; never an instruction. */
  input: string | readonly Part[];
  /** Names the schema to the model: letters, digits, - and _. */
  name: string;
  /** The schema of the answer; an answer that does not fit is a failure. */
  schema: v.GenericSchema<unknown, Answer>;
  /** As of a chat. */
  maxTokens?: number;
}

export interface Answered<Answer> {
  value: Answer;
  /** As the provider named it. */
  model: string;
  tokens: Tokens;
}

/** The most that a call can take, in tokens. */
export interface CallBound {
  /** Of the list of endpoints. */
  endpoint: number;
  /** A token has a byte at least, so the bytes of the request are a bound. */
  input: number;
  output: number;
}

/** Counts the calls of one chat, each before it is made: there are several when an endpoint fails, or refuses a parameter. */
export interface Meter {
  /** False: the call may not be made. */
  reserve(bound: CallBound): Promise<boolean>;
  /** Reports that the call reserved last brought no answer. `isBilled`: it may have been billed. */
  lost(isBilled: boolean): Promise<void>;
}

/** The code of a failure: the meter did not allow the call, which was not made. */
export type OverBudget = "over_budget";

/** Options of a chat that are not part of the question. */
export interface CallOptions {
  /** Named to an AI Gateway. */
  job?: string | undefined;
  meter?: Meter | undefined;
}

/** A model that may answer. */
export interface Endpoint {
  model: string;
  /** As its connection says, in USD per million tokens. */
  price?: Price | undefined;
}

/** A tenant's language model. No call throws; a failure's reason holds nothing of what was asked or answered, nor a key. */
export interface Models {
  /** A repeat is harmless except for its price. Seconds. */
  readonly idempotentFor: number;
  /** Endpoints in the order they are asked: the next one only when the one before certainly gives no answer now. */
  readonly endpoints: readonly Endpoint[];
  /** One step of a conversation. A refusal to answer and a filtered answer are permanent failures. */
  chat(chat: Chat, signal: AbortSignal, options?: CallOptions): Promise<Reply<Chatted>>;
  /** `ok` means an answer that fits the schema; one that does not is asked for once more and is then a permanent failure: there is no half an answer. */
  ask<Answer>(question: Question<Answer>, signal: AbortSignal, options?: CallOptions): Promise<Reply<Answered<Answer>>>;
}

declare module "../../queue/job" {
  interface Capabilities {
    models: Models;
  }
}
