import * as fc from "fast-check";
import * as v from "valibot";
import { afterEach, describe, expect, test, vi } from "vitest";
import { leadVerdict } from "../../../src/domain/events/verdict";
import { createHttp } from "../../../src/providers/http";
import { openai } from "../../../src/providers/models/openai";
import { type Answer, stubFetch } from "../fetch-stub";

afterEach(() => vi.unstubAllGlobals());

const verdict = { summary: "Wants a flat.", intent: "buy", urgency: "high", score: 80, nextStep: "Call." };
const question = { instructions: "Judge.", input: '{"message":"Ada wants a flat"}', name: "lead_verdict", schema: leadVerdict };
const completion = (content: unknown, finish = "stop", more = {}) =>
  Response.json({ model: "small-1", usage: { prompt_tokens: 12, completion_tokens: 5 }, choices: [{ finish_reason: finish, message: { content, ...more } }] });
const refused = (status: number, error: object, headers: Record<string, string> = {}) => Response.json({ error }, { status, headers });

async function ask(...answers: Answer[]) {
  const seen = stubFetch(...answers);
  const http = createHttp({ rules: { allowLocal: false, ownHosts: [] } });
  const models = openai({ http, apiKey: "sk-0123456789abcdef", baseUrl: "https://llm.example.com/v1", model: "small", now: () => 0 });
  return { reply: await models.ask(question, new AbortController().signal), seen };
}

describe("what refuses, by its code", () => {
  test.each<[string, Answer, object]>([
    ["an empty account", refused(429, { code: "insufficient_quota" }), { class: "config", code: "insufficient_quota" }],
    ["a spend limit", refused(429, { code: "project_spend_limit_exceeded" }), { class: "config" }],
    ["a rate", refused(429, { code: "rate_limit_exceeded" }, { "retry-after-ms": "1500" }), { class: "limited", retryAfter: 2 }],
    ["a rate without a time", refused(429, { type: "requests" }), { class: "limited", retryAfter: 20 }],
    ["a 503 that says slow down", refused(503, { code: "slow_down" }), { class: "limited" }],
    ["too long a question", refused(400, { code: "context_length_exceeded" }), { class: "permanent" }],
    ["a wrong key", refused(401, { code: "invalid_api_key" }), { class: "config" }],
    ["no such model", refused(404, { code: "model_not_found" }), { class: "config" }],
    ["402", refused(402, {}), { class: "config" }],
    ["408", refused(408, {}), { class: "transient" }],
    ["409", refused(409, {}), { class: "transient" }],
    ["529", new Response("overloaded", { status: 529 }), { class: "limited" }],
    ["500 HTML", new Response("<html>", { status: 500 }), { class: "transient" }],
    ["500 that claims to be our fault", refused(500, { code: "invalid_request_error" }), { class: "transient" }],
    ["a lost connection", new Error("Network connection lost."), { class: "transient" }],
  ])("%s", async (_what, answer, expected) => {
    const { reply, seen } = await ask(answer);
    expect(reply).toMatchObject({ ok: false, failure: expected });
    expect(seen).toHaveLength(1);
  });
});

describe("a 200 that is none: asked once more, then given up", () => {
  test.each<[string, Answer, number]>([
    ["no completion", Response.json({ hello: 1 }), 2],
    ["no choice", Response.json({ choices: [] }), 2],
    ["empty content", completion(""), 2],
    ["no content", completion(null), 2],
    ["no JSON", completion("Sure! Here it is"), 2],
    ["a field too few", completion(JSON.stringify({ ...verdict, score: undefined })), 2],
    ["a field too many", completion(JSON.stringify({ ...verdict, mood: "good" })), 2],
    ["a score out of range", completion(JSON.stringify({ ...verdict, score: 101 })), 2],
    ["an invented word", completion(JSON.stringify({ ...verdict, intent: "steal" })), 2],
    ["cut short", completion(JSON.stringify(verdict), "length"), 2],
    ["a call of a tool", completion(JSON.stringify(verdict), "tool_calls"), 2],
    ["filtered", completion(JSON.stringify(verdict), "content_filter"), 1],
    ["a refusal", completion(null, "stop", { refusal: "I cannot do that." }), 1],
  ])("%s", async (_what, answer, calls) => {
    const { reply, seen } = await ask(answer);
    expect(reply.ok ? "ok" : reply.failure.class).toBe("permanent");
    expect(seen).toHaveLength(calls);
  });

  test("a good second answer counts", async () => {
    const { reply } = await ask(completion("oops"), completion(JSON.stringify(verdict)));
    expect(reply).toEqual({ ok: true, value: { value: verdict, model: "small-1", tokens: { input: 12, output: 5 } } });
  });

  test("nothing of question or answer is told", async () => {
    const { reply } = await ask(completion(JSON.stringify({ ...verdict, summary: 7, "Ada Lovelace": 1 })));
    expect(reply.ok ? "" : reply.failure.reason).not.toContain("Ada");
  });

  test("never throws, and never lets through what does not fit", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (content) => {
        const { reply } = await ask(() => completion(content));
        expect(!reply.ok || v.is(leadVerdict, reply.value.value)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

test("asks with a strict schema", async () => {
  const { seen } = await ask(completion(JSON.stringify(verdict)));
  const body = JSON.parse(seen[0]?.body ?? "") as {
    messages: { role: string; content: string }[];
    response_format: { json_schema: { strict: boolean; schema: Record<string, unknown> } };
  };
  expect(seen[0]?.url).toBe("https://llm.example.com/v1/chat/completions");
  expect(body.messages.map(({ role }) => role)).toEqual(["system", "user"]);
  expect(body.messages[0]?.content).not.toContain("Ada");
  expect(body.response_format.json_schema).toMatchObject({ strict: true, schema: { additionalProperties: false, required: Object.keys(verdict) } });
  expect(JSON.stringify(body.response_format)).not.toContain("maxLength");
});
