import { describe, expect, test } from "vitest";
import * as v from "valibot";
import { createLearned } from "../../../src/providers/models/learned";
import type { ChatRequest } from "../../../src/providers/models/models";
import { type AiBinding, createWorkersAi, type WorkersAiOptions } from "../../../src/providers/models/workers-ai";

const signal = new AbortController().signal;
const question = {
  instructions: "Describe.",
  input: [{ type: "image" as const, url: "data:image/jpeg;base64,AAAA" }],
  name: "alt_text",
  schema: v.strictObject({ altText: v.string() }),
};

interface SeenCall {
  model: string;
  input: Record<string, unknown>;
  options: Parameters<AiBinding["run"]>[2];
}

/** A binding that answers or throws these, in turn; the last one again and again. */
function stub(...answers: unknown[]): { binding: AiBinding; seen: SeenCall[] } {
  const seen: SeenCall[] = [];
  const run: AiBinding["run"] = (model, input, options) => {
    seen.push({ model, input, options });
    const answer = answers[Math.min(seen.length, answers.length) - 1];
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { binding: { run }, seen };
}

function adapter(binding: AiBinding | undefined, more: Partial<WorkersAiOptions> = {}) {
  const calls: string[] = [];
  const models = createWorkersAi({
    binding,
    model: "@cf/google/gemma-3-12b-it",
    learned: createLearned(),
    tenant: "t1",
    now: () => Date.UTC(2026, 9, 1, 23, 59, 30),
    onResult: (call) => calls.push(call),
    ...more,
  });
  return { models, calls };
}

const older = (response: unknown, more = {}) => ({ response, usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 }, ...more });
const newer = (content: string | null, finish_reason = "stop", more = {}) => ({
  id: "1",
  object: "chat.completion",
  created: 1,
  model: "@cf/google/gemma-4-26b-a4b-it",
  choices: [{ index: 0, finish_reason, logprobs: null, message: { role: "assistant", content, refusal: null, ...more } }],
  usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
});

describe("an answer", () => {
  const value = { altText: "A bicycle" };
  test.each<[string, unknown]>([
    ["of an older model, as text", older(JSON.stringify(value))],
    ["of an older model in JSON mode, as a value", older(value)],
    ["of a newer model", newer(JSON.stringify(value))],
    ["that is only text", JSON.stringify(value)],
  ])("%s is read", async (_what, answer) => {
    const { binding, seen } = stub(answer);
    const { models, calls } = adapter(binding);
    expect(await models.ask(question, signal)).toMatchObject({ ok: true, value: { value } });
    expect([seen.length, calls]).toEqual([1, ["answered"]]);
  });

  test.each<[string, unknown, number]>([
    ["no answer at all", undefined, 2],
    ["the receipt of a batch", { request_id: "r1" }, 2],
    ["a stream", new ReadableStream(), 2],
    ["an empty response", older(""), 2],
    ["another value", older({ text: "A bicycle" }), 2],
    ["JSON that it could not make", new Error("5024: JSON Mode couldn't be met"), 2],
    ["a filtered answer", newer("", "content_filter"), 1],
    ["a refusal", newer(null, "stop", { refusal: "I cannot." }), 1],
  ])("that is %s is permanent", async (_what, answer, calls) => {
    const { binding, seen } = stub(answer);
    expect(await adapter(binding).models.ask(question, signal)).toMatchObject({ ok: false, failure: { class: "permanent" } });
    expect(seen).toHaveLength(calls);
  });

  test("that was cut off is known by the tokens it took, and gets more the next time", async () => {
    const { binding, seen } = stub(older('{"altTe', { usage: { prompt_tokens: 7, completion_tokens: 4000 } }), older(value));
    expect(await adapter(binding).models.ask(question, signal)).toMatchObject({ ok: true, value: { value, tokens: { input: 7, output: 3 } } });
    expect(seen.map(({ input }) => input["max_tokens"])).toEqual([4000, 16_000]);
  });
});

test("a picture goes as a data URI, the schema stands in the instructions", async () => {
  const { binding, seen } = stub(older({ altText: "x" }));
  await adapter(binding).models.ask(question, signal);
  const { model, input, options } = seen[0] as SeenCall;
  const messages = input["messages"] as { role: string; content: unknown }[];
  expect(model).toBe("@cf/google/gemma-3-12b-it");
  expect(messages.map(({ role }) => role)).toEqual(["system", "system", "user"]);
  expect(messages[0]?.content).toContain('"altText"');
  expect(messages[2]?.content).toEqual([{ type: "image_url", image_url: { url: "data:image/jpeg;base64,AAAA" } }]);
  expect(input).toMatchObject({ temperature: 0, max_tokens: 4000, response_format: { type: "json_object" } });
  expect(options).not.toHaveProperty("gateway");
});

test("goes through the gateway with the gateway's retries, cache and log off", async () => {
  const { binding, seen } = stub(older("hi"));
  await adapter(binding, { gateway: "main", settings: { timeoutSeconds: 5 } }).models.chat({ messages: [{ role: "user", content: "hi" }] }, signal, {
    job: "j1",
  });
  const expected = {
    id: "main",
    metadata: { tenant: "t1", job: "j1" },
    collectLog: false,
    skipCache: true,
    requestTimeoutMs: 5000,
    retries: { maxAttempts: 1 },
  };
  expect(seen[0]?.options.gateway).toEqual(expected);
  await adapter(binding, { gateway: "main", collectLog: true }).models.chat({ messages: [{ role: "user", content: "hi" }] }, signal);
  expect(seen[1]?.options.gateway?.collectLog).toBe(true);
});

describe("tools", () => {
  const tool = { name: "look_up", description: "Looks up an order.", parameters: { type: "object", properties: { id: { type: "string" } } } };
  const chat: ChatRequest = {
    messages: [
      { role: "user", content: "Where is 7?" },
      { role: "assistant", content: "", toolCalls: [{ id: "c1", name: "look_up", input: { id: "7" } }] },
      { role: "tool", toolCallId: "c1", content: "{}" },
    ],
    tools: [tool],
  };

  test("are offered, and no message is without content", async () => {
    const { binding, seen } = stub(newer("On its way."));
    expect(await adapter(binding).models.chat(chat, signal)).toMatchObject({ ok: true, value: { text: "On its way.", toolCalls: [], end: "stop" } });
    expect(seen[0]?.input).toMatchObject({
      tools: [{ type: "function", function: tool }],
      messages: [
        { role: "user", content: "Where is 7?" },
        { role: "assistant", content: "", tool_calls: [{ id: "c1", type: "function", function: { name: "look_up", arguments: '{"id":"7"}' } }] },
        { role: "tool", tool_call_id: "c1", content: "{}" },
      ],
    });
  });

  test.each<[string, unknown, string]>([
    ["an older model, without an id", older(null, { tool_calls: [{ name: "look_up", arguments: { id: "7" } }] }), "call_0"],
    [
      "a newer model",
      newer(null, "tool_calls", { tool_calls: [{ id: "c9", type: "function", function: { name: "look_up", arguments: '{"id":"7"}' } }] }),
      "c9",
    ],
  ])("are called by %s", async (_what, answer, id) => {
    const reply = await adapter(stub(answer).binding).models.chat(chat, signal);
    expect(reply).toMatchObject({ ok: true, value: { text: "", end: "tools", toolCalls: [{ id, name: "look_up", input: { id: "7" } }] } });
  });
});

describe("an error of the binding", () => {
  test.each<[string, object, string]>([
    ["3040: Capacity temporarily exceeded, please try again.", { class: "limited", code: "3040", retryAfter: 20 }, "transient"],
    ["AiError: 3036: You have used up your daily free allocation", { class: "limited", code: "3036", retryAfter: 30 }, "answered"],
    ["3007: Request timeout", { class: "transient", code: "3007" }, "transient"],
    ["AiError: 3008: Request was aborted", { class: "transient", code: "3008" }, "transient"],
    ["5007: No such model @cf/x/y or task", { class: "config", code: "model_not_found" }, "answered"],
    ["3042: The model name is invalid", { class: "config", code: "model_not_found" }, "answered"],
    ["5016: User has not agreed to Llama3.2 model terms", { class: "config" }, "answered"],
    ["3023: Service unavailable for account", { class: "config" }, "answered"],
    ["5018: not allowed", { class: "config" }, "answered"],
    ["3041: not allowed", { class: "config" }, "answered"],
    ["5004: Invalid data type for base64 input", { class: "permanent" }, "answered"],
    ["3003: Request is missing headers or body", { class: "permanent" }, "answered"],
    ["3006: Request is too large", { class: "permanent" }, "answered"],
    ["AiError: 5006: Error: oneOf at '/' not met", { class: "permanent" }, "answered"],
    ["AiError: This model's maximum context length is 131072 tokens.", { class: "permanent", code: "context_length_exceeded" }, "answered"],
    ["2016: Prompt blocked", { class: "permanent", code: "content_filter" }, "answered"],
    ["Network connection lost.", { class: "transient" }, "transient"],
    ["9999: something new", { class: "transient", code: "9999" }, "transient"],
  ])("%s", async (message, failure, call) => {
    const { binding, seen } = stub(new Error(message));
    const { models, calls } = adapter(binding);
    expect(await models.ask(question, signal)).toMatchObject({ ok: false, failure });
    expect([seen.length, calls]).toEqual([1, [call]]);
  });

  test("shows nothing of what was asked", async () => {
    const { binding } = stub(new Error("5006: Error: 'Ada Lovelace' at '/messages' is too long"));
    const reply = await adapter(binding).models.ask(question, signal);
    expect(reply.ok ? "" : reply.failure.reason).toBe("models: Workers AI 5006: the model does not take this input");
  });

  test("about a parameter leaves it out, and remembers that", async () => {
    const { binding, seen } = stub(new Error("AiError: 5006: response_format is not supported by this model"), older({ altText: "x" }));
    const { models } = adapter(binding);
    for (const _ of [1, 2]) expect(await models.ask(question, signal)).toMatchObject({ ok: true });
    expect(seen.map(({ input }) => "response_format" in input)).toEqual([true, false, false]);
  });

  test("that never comes ends with the time of the connection, and with the run", async () => {
    const hanging: AiBinding = { run: () => new Promise<never>(() => undefined) };
    const { models, calls } = adapter(hanging, { settings: { timeoutSeconds: 0.01 } });
    expect(await models.ask(question, signal)).toMatchObject({ ok: false, failure: { class: "transient", code: "3007" } });
    const run = new AbortController();
    const pending = adapter(hanging, { onResult: (call) => calls.push(call) }).models.ask(question, run.signal);
    run.abort(new Error("cancelled"));
    expect(await pending).toMatchObject({ ok: false, failure: { class: "transient" } });
    expect(calls).toEqual(["transient"]);
  });

  test("a Worker without the binding says what is missing", async () => {
    expect(await adapter(undefined).models.ask(question, signal)).toMatchObject({
      ok: false,
      failure: { class: "config", reason: "models: this Worker has no binding of Workers AI named AI" },
    });
  });
});
