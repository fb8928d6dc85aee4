import { isRecord } from "../../json/record";
import * as v from "valibot";
import { boundedList } from "../../bounded";

const count = v.fallback(v.nullish(v.number()), null);

/** The answer of older models: text, or in JSON mode the value itself, without the reason for its end. */
const generated = v.object({
  response: v.unknown(),
  tool_calls: v.fallback(v.nullish(boundedList(v.unknown(), 10_000)), null),
  usage: v.fallback(v.nullish(v.object({ prompt_tokens: count, completion_tokens: count })), null),
});

/** A model's answer as a chat completion, which newer models return themselves. `maxTokens`: bound of the answer. */
export function completionFrom(answer: unknown, maxTokens: number): unknown {
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
