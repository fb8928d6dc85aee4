import { afterEach, describe, expect, test, vi } from "vitest";
import { createHttp } from "../../../src/providers/http";
import { createLearned, type Learned } from "../../../src/providers/models/learned";
import type { ChatRequest } from "../../../src/providers/models/models";
import { createOpenai } from "../../../src/providers/models/openai";
import type { ModelSettings } from "../../../src/providers/models/settings";
import { type SeenCall, stubFetch } from "../fetch-stub";

afterEach(() => vi.unstubAllGlobals());

const completion = (content: unknown, finish = "stop", more = {}) =>
  Response.json({ model: "small-1", usage: { prompt_tokens: 12, completion_tokens: 5 }, choices: [{ finish_reason: finish, message: { content, ...more } }] });

const signal = new AbortController().signal;

const http = createHttp({ rules: { allowLocal: false, ownHosts: [] } });

const common = { http, apiKey: "sk-0123456789abcdef", baseUrl: "https://llm.example.com/v1", model: "small", tenant: "t1", now: () => 0 };

const adapter = (settings: ModelSettings = {}, learned: Learned = createLearned()) => createOpenai({ ...common, settings, learned });

const sent = ({ body }: SeenCall) => JSON.parse(body) as Record<string, unknown>;

describe("a conversation with tools and images", () => {
  const tool = { name: "look_up", description: "Looks up an order.", parameters: { type: "object", properties: { id: { type: "string" } } } };
  const chat: ChatRequest = {
    messages: [
      { role: "system", content: "Help." },
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image", url: "data:image/png;base64,AAAA" },
        ],
      },
      { role: "assistant", content: "", toolCalls: [{ id: "c1", name: "look_up", input: { id: "7" } }] },
      { role: "tool", toolCallId: "c1", content: "{}" },
    ],
    tools: [tool],
  };

  test("is sent as chat completions take it", async () => {
    const seen = stubFetch(completion("A mug."));
    expect(await adapter().chat(chat, signal)).toMatchObject({ ok: true, value: { text: "A mug.", toolCalls: [], end: "stop" } });
    expect(sent(seen[0] as SeenCall)).toMatchObject({
      tools: [{ type: "function", function: tool }],
      tool_choice: "auto",
      messages: [
        { role: "system", content: "Help." },
        {
          role: "user",
          content: [
            { type: "text", text: "What is this?" },
            { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
          ],
        },
        { role: "assistant", content: null, tool_calls: [{ id: "c1", type: "function", function: { name: "look_up", arguments: '{"id":"7"}' } }] },
        { role: "tool", tool_call_id: "c1", content: "{}" },
      ],
    });
    expect(seen[0]?.body).not.toContain("response_format");
  });

  test("calls of tools come back as values, whatever their arguments came as", async () => {
    const calls = [
      { id: "a", function: { name: "look_up", arguments: '{"id":"7"}' } },
      { function: { name: "look_up", arguments: { id: "8" } } },
      { id: "c", function: { name: "look_up", arguments: "{broken" } },
      { id: "d", function: { name: "look_up", arguments: "" } },
      "no call",
    ];
    stubFetch(completion(null, "tool_calls", { tool_calls: calls }));
    expect(await adapter().chat(chat, signal)).toMatchObject({
      ok: true,
      value: {
        end: "tools",
        toolCalls: [
          { id: "a", name: "look_up", input: { id: "7" } },
          { id: "call_1", name: "look_up", input: { id: "8" } },
          { id: "c", name: "look_up" },
          { id: "d", name: "look_up", input: {} },
        ],
      },
    });
  });

  test("an answer that was cut off is handed over as such, with its price", async () => {
    stubFetch(completion("Once upon", "length"));
    expect(await adapter().chat(chat, signal)).toMatchObject({ ok: true, value: { text: "Once upon", end: "length", tokens: { input: 12, output: 5 } } });
  });
});
