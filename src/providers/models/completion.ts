import * as v from "valibot";
import { boundedList } from "../../bounded";
import type { Failure, Reply } from "../../queue/effect";
import { failed, ok } from "../../queue/effect";
import { jsonIn, withoutThinking } from "../../json/json-in";
import type { Chatted, ToolCall } from "./models";

/** The code of an answer that cannot be used. */
export const misfit = "misfit";

/** Characters of the name and the id of a call: no tool has a longer name. */
const maxName = 64;

/** Tool calls of one answer; further ones are dropped. */
const maxToolCalls = 64;

const text = v.nullish(v.string());
const count = v.fallback(v.number(), 0);

/** The fields of a chat completion that are read. Vendors omit and add many. */
const completion = v.object({
  model: v.fallback(text, null),
  usage: v.fallback(v.nullish(v.object({ prompt_tokens: count, completion_tokens: count })), null),
  choices: v.pipe(
    boundedList(v.unknown(), 1000, { min: 1 }),
    v.transform(([first]) => first),
    v.object({
      finish_reason: text,
      message: v.object({ content: v.unknown(), refusal: v.fallback(text, null), tool_calls: v.fallback(v.nullish(boundedList(v.unknown(), 10_000)), null) }),
    }),
  ),
});

const toolCall = v.object({ id: v.fallback(text, null), function: v.object({ name: v.string(), arguments: v.unknown() }) });

/** How an answer ended, by its `finish_reason` in lower case. Any other value counts as a complete answer, which is then validated. */
const ends: Record<string, Chatted["end"] | Failure> = {
  length: "length",
  max_tokens: "length",
  content_filter: { class: "permanent", reason: "models: the answer was filtered", code: "content_filter" },
  safety: { class: "permanent", reason: "models: the answer was filtered", code: "content_filter" },
  error: { class: "transient", reason: "models: the answer broke off with an error", code: "error" },
  insufficient_system_resource: { class: "transient", reason: "models: the answer broke off because the provider was overloaded", code: "overloaded" },
};

/** Reads the body of a 200. It may still be a failure: no completion, refused, filtered or cut off. */
export function chattedFrom(body: unknown, requestedModel: string): Reply<Chatted> {
  const parsed = v.safeParse(completion, body);
  if (!parsed.success) return failed({ class: "permanent", reason: "models: the answer is no chat completion", code: misfit });
  const { model, usage, choices: choice } = parsed.output;
  const { content, refusal, tool_calls } = choice.message;
  if (refusal) return failed({ class: "permanent", reason: "models: it refused to answer", code: "refusal" });
  const toolCalls = (tool_calls ?? []).slice(0, maxToolCalls).flatMap(toolCallFrom);
  const end = endOf(choice.finish_reason, toolCalls);
  if (typeof end !== "string") return failed(end);
  return ok({
    text: withoutThinking(contentText(content)),
    toolCalls,
    end,
    model: (model ?? requestedModel).slice(0, 200),
    tokens: { input: usage?.prompt_tokens ?? 0, output: usage?.completion_tokens ?? 0 },
  });
}

function endOf(reason: string | null | undefined, toolCalls: readonly ToolCall[]): Chatted["end"] | Failure {
  const named = (reason ?? "").toLowerCase();
  const end = Object.hasOwn(ends, named) ? ends[named] : undefined;
  return end ?? (toolCalls.length > 0 || named === "tool_calls" || named === "function_call" ? "tools" : "stop");
}

/** Content is text, a list of parts, or (of some endpoints in JSON mode) the value itself. */
function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (Array.isArray(content)) return content.map(partText).join("");
  return typeof content === "object" && content !== null ? JSON.stringify(content) : "";
}

/** Parts of other types, such as thoughts, are dropped. */
function partText(part: unknown): string {
  if (typeof part === "string") return part;
  const { type, text: value } = (part ?? {}) as { type?: unknown; text?: unknown };
  return (type === "text" || type === "output_text") && typeof value === "string" ? value : "";
}

/** A call without an id gets one, since its result must name it. */
function toolCallFrom(raw: unknown, index: number): ToolCall[] {
  const parsed = v.safeParse(toolCall, raw);
  if (!parsed.success) return [];
  const { id, function: called } = parsed.output;
  const input = typeof called.arguments === "string" ? jsonIn(called.arguments || "{}") : called.arguments;
  return [{ id: id?.slice(0, maxName) || `call_${index}`, name: called.name.slice(0, maxName), ...(input === undefined ? {} : { input }) }];
}
