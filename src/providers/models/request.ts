import type { Dialect } from "./dialect";
import type { ChatRequest, Message, MessagePart } from "./models";

export type ModelRequest = ReturnType<typeof requestFrom>;

/** The body of a chat completion in this dialect, without the model's name. `max`: bound of the tokens of any answer. */
export function requestFrom(chatRequest: ChatRequest, { temperature, tokensParameter, responseFormat, maxTokens: usual }: Dialect, max: number | undefined) {
  const { format, tools = [] } = chatRequest;
  const schemaMessage = format && responseFormat !== "json_schema" ? [schemaTold(format.schema)] : [];
  return {
    messages: [...schemaMessage, ...chatRequest.messages].map(messageOf),
    ...(temperature === undefined ? {} : { temperature }),
    ...(tokensParameter === "none" ? {} : { [tokensParameter]: maxTokensOf(chatRequest, usual, max) }),
    ...(format && responseFormat === "json_schema" ? { response_format: { type: responseFormat, json_schema: { ...format, strict: true } } } : {}),
    ...(format && responseFormat === "json_object" ? { response_format: { type: responseFormat } } : {}),
    ...(tools.length === 0 ? {} : { tools: tools.map((tool) => ({ type: "function", function: tool })), tool_choice: chatRequest.toolChoice ?? "auto" }),
  };
}

/** Tokens that the answer to one call may have. */
export function maxTokensOf({ maxTokens }: ChatRequest, usual: number, max: number | undefined): number {
  return Math.min(maxTokens ?? max ?? usual, max ?? Infinity);
}

/** For endpoints that accept no schema. */
function schemaTold(schema: Record<string, unknown>): Message {
  return { role: "system", content: `Answer with one JSON object that fits this JSON Schema, and with nothing else:\n${JSON.stringify(schema)}` };
}

interface RequestMessage {
  role: Message["role"];
  content: unknown;
  [field: string]: unknown;
}

function messageOf(message: Message): RequestMessage {
  if (message.role === "tool") return { role: "tool", tool_call_id: message.toolCallId, content: message.content };
  if (message.role === "user" && typeof message.content !== "string") return { role: "user", content: message.content.map(partOf) };
  if (message.role !== "assistant" || !message.toolCalls?.length) return { role: message.role, content: message.content };
  const calls = message.toolCalls.map(({ id, name, input = {} }) => ({
    id,
    type: "function",
    function: { name: sendableName(name), arguments: JSON.stringify(input) },
  }));
  return { role: "assistant", content: message.content || null, tool_calls: calls };
}

/** A name that a model invented is sent back to it with the error; endpoints refuse other characters. */
function sendableName(name: string): string {
  return name.replace(/[^\w-]/g, "_") || "_";
}

function partOf(part: MessagePart): Record<string, unknown> {
  return part.type === "text" ? { type: "text", text: part.text } : { type: "image_url", image_url: { url: part.url } };
}

/** Texts that a provider's message must not repeat. */
export function textsOf(messages: readonly Message[]): string[] {
  return messages.flatMap(({ role, content }) => {
    if (role === "system") return [];
    return typeof content === "string" ? [content] : content.flatMap((part) => (part.type === "text" ? [part.text] : []));
  });
}
