import type * as v from "valibot";
import type { Reply } from "../../queue/effect";

/** USD per million tokens. */
export interface Price {
  input: number;
  output: number;
}

/** A part of a user's message. `url` of an image is a data URI (`data:image/jpeg;base64,…`): models do not fetch other addresses. */
export type MessagePart = { type: "text"; text: string } | { type: "image"; url: string };

/** A tool call that a model requests. `input` is undefined when the model wrote no JSON; validate it by the tool's schema. */
export interface ToolCall {
  id: string;
  name: string;
  input?: unknown;
}

/** One message of a conversation, as JSON: it may be stored and sent again. */
export type Message =
  | { role: "system"; content: string }
  | { role: "user"; content: string | readonly MessagePart[] }
  | { role: "assistant"; content: string; toolCalls?: readonly ToolCall[] }
  | { role: "tool"; toolCallId: string; content: string };

/** A function that the model may request. `parameters` is a JSON Schema of an object. */
export interface ModelTool {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
}

/** A request to a model. */
export interface ChatRequest {
  messages: readonly Message[];
  tools?: readonly ModelTool[];
  /** Default `auto` where there are tools. */
  toolChoice?: "auto" | "none" | "required";
  /** JSON Schema of the answer's text, and its name for the model: letters, digits, - and _. Validate the answer: some endpoints ignore the schema. */
  format?: { name: string; schema: Record<string, unknown> };
  /** Tokens of the answer, thinking included. The connection's `maxTokens` is the upper bound; default: that, else 4,000. */
  maxTokens?: number;
}

interface TokenUsage {
  input: number;
  output: number;
}

/** A model's answer. */
export interface Chatted {
  /** Text without the model's thoughts. Empty when it only calls tools. */
  text: string;
  toolCalls: ToolCall[];
  /** `length`: cut off at the bound of tokens, so `text` and the last tool call may be incomplete. */
  end: "stop" | "tools" | "length";
  /** The provider's name of the model. */
  model: string;
  tokens: TokenUsage;
  /** Index of the endpoint that answered. */
  endpoint?: number;
}

/** A question whose answer is a value. */
export interface Question<Answer> {
  /** The instruction, written by Jobyard or the agent. */
  instructions: string;
  /** The data, of a tenant or an unknown sender; never an instruction. */
  input: string | readonly MessagePart[];
  /** Name of the schema for the model: letters, digits, - and _. */
  name: string;
  /** The schema of the answer; an answer that does not fit is a failure. */
  schema: v.GenericSchema<unknown, Answer>;
  /** As `Chat.maxTokens`. */
  maxTokens?: number;
}

export interface Answered<Answer> {
  value: Answer;
  /** The provider's name of the model. */
  model: string;
  tokens: TokenUsage;
}

/** The highest use of a call, in tokens. */
export interface CallBound {
  /** Index in the list of endpoints. */
  endpoint: number;
  /** The bytes of the request: a token has at least one. */
  input: number;
  output: number;
}

/** Counts the calls of one chat, each before it is made. There are several when an endpoint fails, or refuses a parameter. */
export interface CallMeter {
  /** False: the call may not be made. */
  reserve(bound: CallBound): Promise<boolean>;
  /** Reports that the last reserved call had no answer. `isBilled`: it may have been billed. */
  lost(isBilled: boolean): Promise<void>;
}

/** The code of a failure: the meter refused the call, which was not made. */
export type OverBudget = "over_budget";

/** Options of a chat that are not part of the question. */
export interface CallOptions {
  /** The job's id for an AI Gateway. */
  job?: string | undefined;
  meter?: CallMeter | undefined;
}

interface Endpoint {
  model: string;
  /** Price of the connection, in USD per million tokens. */
  price?: Price | undefined;
}

/** A tenant's language model. No call throws; a failure's reason contains nothing of request or answer, and no key. */
export interface Models {
  /** Seconds within which a repeat is harmless, its price aside. */
  readonly idempotentFor: number;
  /** Endpoints in order; the next is called only when the one before certainly gives no answer now. */
  readonly endpoints: readonly Endpoint[];
  /** One step of a conversation. A refusal to answer and a filtered answer are permanent failures. */
  chat(chat: ChatRequest, signal: AbortSignal, options?: CallOptions): Promise<Reply<Chatted>>;
  /** `ok`: the answer fits the schema. One that does not is requested once more, and is then a permanent failure. */
  ask<Answer>(question: Question<Answer>, signal: AbortSignal, options?: CallOptions): Promise<Reply<Answered<Answer>>>;
}

declare module "../../queue/job" {
  interface Capabilities {
    models: Models;
  }
}
