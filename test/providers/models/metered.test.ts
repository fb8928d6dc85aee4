import { afterEach, describe, expect, test, vi } from "vitest";
import { createHttp } from "../../../src/providers/http";
import { createLearned } from "../../../src/providers/models/learned";
import type { CallBound, ChatRequest } from "../../../src/providers/models/models";
import { createOpenai } from "../../../src/providers/models/openai";
import type { ModelSettings } from "../../../src/providers/models/settings";
import { type Answer, stubFetch } from "../fetch-stub";

afterEach(() => vi.unstubAllGlobals());

const completion = (content: unknown, more = {}) =>
  Response.json({ model: "small-1", usage: { prompt_tokens: 12, completion_tokens: 5 }, choices: [{ finish_reason: "stop", message: { content, ...more } }] });
const refused = (status: number, error: object) => Response.json({ error }, { status });
const signal = new AbortController().signal;
const http = createHttp({ rules: { allowLocal: false, ownHosts: [] } });
const common = { http, apiKey: "sk-0123456789abcdef", baseUrl: "https://llm.example.com/v1", model: "small", tenant: "t1", now: () => 0 };
const adapter = (settings: ModelSettings = {}) => createOpenai({ ...common, settings, learned: createLearned() });

describe("a metered call", () => {
  const chat: ChatRequest = { messages: [{ role: "user", content: "漢字" }], format: { name: "out", schema: { type: "object" } }, maxTokens: 100 };
  const metered = async (settings: ModelSettings, ...answers: Answer[]) => {
    const seen = stubFetch(...answers);
    const log: unknown[] = [];
    const meter = { reserve: async (bound: CallBound) => (log.push(bound), true), lost: async (isBilled: boolean) => void log.push(isBilled) };
    const reply = await adapter(settings).chat(chat, signal, { meter });
    return { reply, seen, log };
  };

  test.each<[string, ModelSettings]>([
    ["json_schema", {}],
    ["a schema among the messages", { responseFormat: "json_object" }],
  ])("is reserved with the bytes of what is sent: %s", async (_how, settings) => {
    const { seen, log } = await metered(settings, completion("{}"));
    const { model: _, ...request } = JSON.parse(seen[0]?.body ?? "{}") as Record<string, unknown>;
    expect(log).toEqual([{ endpoint: 0, input: new TextEncoder().encode(JSON.stringify(request)).length, output: 100 }]);
  });

  test("for which no bound is sent can have as many tokens as the connection says, or as models write at most", async () => {
    expect((await metered({ tokensParameter: "none" }, completion("{}"))).log).toMatchObject([{ output: 128_000 }]);
    expect((await metered({ tokensParameter: "none", maxTokens: 900 }, completion("{}"))).log).toMatchObject([{ output: 900 }]);
  });

  test("that is made again without a refused parameter is reserved again, the first one costs nothing", async () => {
    const { log } = await metered({}, refused(400, { message: "temperature is not supported", param: "temperature" }), completion("{}"));
    expect(log).toMatchObject([{ output: 100 }, false, { output: 100 }]);
  });

  test.each<[string, Answer, boolean]>([
    ["500", refused(500, { message: "broken" }), true],
    ["a lost connection", new Error("lost"), true],
    ["an error inside a 200", Response.json({ error: { message: "overloaded" } }), true],
    ["a refusal to answer", completion(null, { refusal: "No." }), true],
    ["429", refused(429, { code: "rate_limit_exceeded" }), false],
    ["400", refused(400, { code: "context_length_exceeded" }), false],
  ])("that ends with %s may be billed: %#", async (_what, answer, isBilled) => {
    expect((await metered({}, answer)).log.at(-1)).toBe(isBilled);
  });

  test("that is not allowed is not made", async () => {
    const seen = stubFetch(completion("{}"));
    const meter = { reserve: async () => false, lost: async () => undefined };
    expect(await adapter().chat(chat, signal, { meter })).toMatchObject({ ok: false, failure: { code: "over_budget" } });
    expect(seen).toEqual([]);
  });
});
