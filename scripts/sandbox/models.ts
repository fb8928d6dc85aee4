import { randomUUID } from "node:crypto";
import { type AgentReply, agentReply } from "./agents.ts";
import type { Answering, Call, Provider, Reply, World } from "./provider.ts";

/**
 * A language model behind an OpenAI-compatible API: `POST /models/v1/chat/completions`. As one of our agents it calls a tool and answers by
 * what it was given (`agents.ts`). Otherwise, with a JSON schema asked for, the answer is the smallest value that fits it, so that what comes
 * back can be foretold. A picture must be one. The model's name decides how it misbehaves:
 * `refuses`, `babbles` (no JSON), `empty`, `cut` (finish_reason length), `broke` (no quota left), `busy` (a 200 that holds a 429), `picky` (takes
 * no temperature, max_completion_tokens nor response_format), `long` (a prompt over its context), `filtered` (finish_reason content_filter), `thinks` (thoughts, then JSON in a code fence); any other name answers well.
 */
export const models: Provider = {
  name: "models",
  open(world) {
    return { answer: (call) => answer(call, world), refuse: faultReply, reset: () => undefined } satisfies Answering;
  },
};

async function answer(call: Call, world: World): Promise<Reply> {
  if (!/^Bearer \S+$/i.test(call.headers["authorization"] ?? "")) return refusal(401, "invalid_api_key", "Incorrect API key provided.");
  if (call.path !== "/v1/chat/completions" || call.method !== "POST") return refusal(404, "unknown_url", "Unknown request URL.");
  const body = parsed(call.body);
  if (!body) return refusal(400, null, "We could not parse the JSON body of your request.");
  if (typeof body["model"] !== "string") return refusal(400, "missing_required_parameter", "you must provide a model parameter");
  if (!Array.isArray(body["messages"]) || body["messages"].length === 0)
    return refusal(400, "missing_required_parameter", "Missing required parameter: 'messages'.");
  if (picturesIn(body["messages"]).some((url) => !isPicture(url))) return refusal(400, "invalid_image_url", "Invalid image data.");
  if (body["model"] === "broke") return refusal(429, "insufficient_quota", "You exceeded your current quota, please check your plan and billing details.");
  if (body["model"] === "long") return refusal(400, "context_length_exceeded", "This model's maximum context length is 8192 tokens.", "messages");
  const unwanted = body["model"] === "picky" ? pickyAbout.find((name) => name in body) : undefined;
  if (unwanted) return refusal(400, "unsupported_parameter", `Unsupported parameter: '${unwanted}' is not supported with this model.`, unwanted);
  if (body["model"] === "busy") return { status: 200, body: { error: { code: 429, message: "Provider returned error" } } };
  await call.pause();
  world.effects.record(models.name, call.key);
  const reply = wellBehaved(body["model"]) ? agentReply(conversationOf(body)) : undefined;
  return completion(body["model"], reply ?? schemaIn(body), call.body.length, world.now());
}

const pickyAbout = ["temperature", "max_completion_tokens", "response_format"];

/** A model of one of the names that misbehave does so as an agent too. */
function wellBehaved(model: string): boolean {
  return !["refuses", "babbles", "empty", "cut", "filtered"].includes(model);
}

function conversationOf(body: Record<string, unknown>): Parameters<typeof agentReply>[0] {
  const tools = (body["tools"] ?? []) as { function?: { name?: string } }[];
  const format = body["response_format"] as { json_schema?: { name?: string } } | undefined;
  return {
    messages: body["messages"] as { role?: unknown; content?: unknown }[],
    tools: tools.flatMap((tool) => tool.function?.name ?? []),
    format: format?.json_schema?.name,
  };
}

function completion(model: string, reply: AgentReply | Schema | null, inputLength: number, now: number): Reply {
  const calls = reply !== null && "tool" in reply ? [toolCall(reply)] : undefined;
  const content = calls ? null : reply !== null && "answer" in reply ? written(model, JSON.stringify(reply.answer)) : contentOf(model, reply as Schema | null);
  const message = { role: "assistant", content, refusal: model === "refuses" ? "I cannot help with that." : null, ...(calls ? { tool_calls: calls } : {}) };
  const [input, output] = [Math.ceil(inputLength / 4), Math.ceil(JSON.stringify(calls ?? content ?? "").length / 4)];
  return {
    status: 200,
    body: {
      id: `chatcmpl-${randomUUID()}`,
      object: "chat.completion",
      created: Math.floor(now / 1000),
      model,
      choices: [{ index: 0, message, logprobs: null, finish_reason: calls ? "tool_calls" : (ends[model] ?? "stop") }],
      usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
    },
  };
}

function contentOf(model: string, schema: Schema | null): string | null {
  if (model === "empty" || model === "refuses") return null;
  if (model === "babbles" || !schema) return "Gladly! What else can I do for you?";
  return written(model, JSON.stringify(smallest(schema)));
}

const ends: Record<string, string> = { cut: "length", filtered: "content_filter" };

function toolCall({ tool, input }: { tool: string; input: unknown }) {
  return { id: `call_${randomUUID()}`, type: "function", function: { name: tool, arguments: JSON.stringify(input) } };
}

function written(model: string, json: string): string {
  return model === "thinks" ? `<think>\nThat is {easy}.\n</think>\n\`\`\`json\n${json}\n\`\`\`` : json;
}

interface Schema {
  type?: string;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  anyOf?: Schema[];
  minItems?: number;
  items?: Schema;
}

/** The first of several, empty lists, zero, a word of text. */
function smallest(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf?.[0]) return smallest(schema.anyOf[0]);
  if (schema.properties) return Object.fromEntries(Object.entries(schema.properties).map(([name, each]) => [name, smallest(each)]));
  if (schema.type === "array") return Array.from({ length: schema.minItems ?? 0 }, () => smallest(schema.items ?? {}));
  if (schema.type === "number" || schema.type === "integer") return 0;
  return schema.type === "boolean" ? false : "Sandbox.";
}

/** Addresses of the pictures in all messages. */
function picturesIn(messages: unknown[]): unknown[] {
  const parts = messages.flatMap((message) => (message as { content?: unknown } | null)?.content ?? []) as { type?: unknown; image_url?: { url?: unknown } }[];
  return parts.filter((part) => part.type === "image_url").map((part) => part.image_url?.url);
}

/** A JPEG, PNG or WebP as a data URI of at most 4 MB: nothing is fetched from anywhere. */
function isPicture(url: unknown): boolean {
  const [, type, base64 = ""] = typeof url === "string" ? (/^data:image\/(jpeg|png|webp);base64,([A-Za-z0-9+/]+=*)$/.exec(url) ?? []) : [];
  const bytes = Buffer.from(base64, "base64");
  const begins = { jpeg: "ffd8ff", png: "89504e47", webp: "52494646" }[type ?? ""];
  return begins !== undefined && bytes.length <= 4 * 1024 * 1024 && bytes.toString("hex", 0, 4).startsWith(begins);
}

/** That of the response format, else the one in a system message. */
function schemaIn(body: Record<string, unknown>): Schema | null {
  const format = body["response_format"] as { type?: string; json_schema?: { schema?: Schema } } | undefined;
  if (format?.type === "json_schema") return format.json_schema?.schema ?? null;
  const instruction = (body["messages"] as { role?: unknown; content?: unknown }[]).find(
    ({ role, content }) => role === "system" && /JSON Schema/.test(String(content)),
  );
  return parsed(/\{.*\}/s.exec(String(instruction?.content))?.[0] ?? "");
}

function refusal(status: number, code: string | null, message: string, param: string | null = null): Reply {
  const type = status === 429 ? "insufficient_quota" : status >= 500 ? "server_error" : "invalid_request_error";
  return { status, body: { error: { message, type, param, code } } };
}

function faultReply(status: number): Reply {
  if (status !== 429) return refusal(status, null, "The server had an error while processing your request.");
  const body = { error: { message: "Rate limit reached for requests.", type: "requests", param: null, code: "rate_limit_exceeded" } };
  return { status, headers: { "retry-after": "1", "x-ratelimit-remaining-requests": "0" }, body };
}

function parsed(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
