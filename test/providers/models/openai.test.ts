import * as fc from "fast-check";
import * as v from "valibot";
import { afterEach, describe, expect, test, vi } from "vitest";
import { leadResult } from "../../../src/domain/events/analysis";
import type { Http } from "../../../src/providers/http";
import { failed } from "../../../src/queue/effect";
import { createLearned } from "../../../src/providers/models/learned";
import { createOpenai } from "../../../src/providers/models/openai";
import { type Answer, stubFetch } from "../fetch-stub";
import { verdict, question, completion, refused, signal, common, adapter, ask } from "./openai-bench";

afterEach(() => vi.unstubAllGlobals());

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
    ["200 HTML", new Response("<html>We are back soon.</html>", { headers: { "content-type": "text/html" } }), { class: "transient" }],
    ["half an answer", new Response(JSON.stringify({ choices: [] }).slice(0, 8)), { class: "transient" }],
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

  test("nested without end is no answer", async () => {
    for (const answer of [
      new Response("[".repeat(400_000)),
      new Response(`{"choices":[{"message":{"content":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}}]}`),
    ])
      expect((await ask(answer)).reply).toMatchObject({ ok: false, failure: { class: "permanent" } });
    expect((await ask(completion('{"a":'.repeat(100_000) + "1" + "}".repeat(100_000)))).reply).toMatchObject({ ok: false, failure: { class: "permanent" } });
    expect((await ask(new Response(`{"error":{"message":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`, { status: 400 }))).reply.ok).toBe(false);
  });

  test("the reason contains nothing of question or answer", async () => {
    const { reply } = await ask(completion(JSON.stringify({ ...verdict, summary: 7, "Ada Lovelace": 1 })));
    expect(reply.ok ? "" : reply.failure.reason).not.toContain("Ada");
  });

  test("never throws, and never lets through what does not fit", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async (content) => {
        const { reply } = await ask(() => completion(content));
        expect(!reply.ok || v.is(leadResult, reply.value.value)).toBe(true);
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

describe("errors inside a 200 are what they say", () => {
  const inside = (error: unknown, more: object = {}) => Response.json({ ...more, error });
  test.each<[string, Answer, object]>([
    [
      "429",
      inside({ code: 429, message: "Provider returned error" }),
      { class: "limited", retryAfter: 20, reason: "models: 429", providerMessage: "Provider returned error" },
    ],
    [
      "with the words of the provider behind the gateway",
      inside({ code: 429, message: "Error", metadata: { raw: "busy upstream" } }),
      { class: "limited", reason: "models: 429", providerMessage: "Error: busy upstream" },
    ],
    ["502", inside({ code: 502, message: "Bad gateway" }), { class: "transient" }],
    ["402", inside({ code: 402, message: "Insufficient credits" }), { class: "config" }],
    ["a code in words", inside({ code: "rate_limit_exceeded" }), { class: "limited" }],
    ["words alone", inside("the model is loading"), { class: "transient", reason: "models: 200", providerMessage: "the model is loading" }],
    [
      "in a choice",
      Response.json({ choices: [{ finish_reason: "error", error: { code: 503, message: "overloaded" }, message: { content: "" } }] }),
      { class: "transient" },
    ],
    ["in a list", Response.json([{ error: { code: 429, message: "Resource exhausted" } }]), { class: "limited" }],
    ["without an envelope", Response.json({ object: "error", message: "too many", code: 429 }), { class: "limited" }],
  ])("%s", async (_what, answer, expected) => {
    const { reply, seen } = await ask(answer);
    expect(reply).toMatchObject({ ok: false, failure: expected });
    expect(seen).toHaveLength(1);
  });

  test("an answer beside an error that is null is an answer", async () => {
    const { reply } = await ask(inside(null, { choices: [{ finish_reason: "stop", message: { content: JSON.stringify(verdict) } }] }));
    expect(reply.ok).toBe(true);
  });
});

describe("right JSON in another wrapping", () => {
  const json = JSON.stringify(verdict);
  test.each<[string, Answer]>([
    ["a code fence", completion(`\`\`\`json\n${json}\n\`\`\``)],
    ["prose around a code fence", completion(`Here it is:\n\`\`\`\n${json}\n\`\`\`\nAnything else?`)],
    ["prose around it", completion(`Sure: ${json}`)],
    ["thoughts before it", completion(`<think>The {lead} wants…</think>\n${json}`)],
    ["thoughts without their beginning", completion(`The lead wants a flat.\n</think>\n\n${json}`)],
    [
      "parts",
      completion([
        { type: "thinking", thinking: [{ type: "text", text: "Hm" }] },
        { type: "text", text: json.slice(0, 9) },
        { type: "text", text: json.slice(9) },
      ]),
    ],
    ["the value itself", completion(verdict)],
    ["finish_reason eos", completion(json, "eos")],
    ["finish_reason STOP", completion(json, "STOP")],
    ["no usage and no model", Response.json({ choices: [{ message: { content: json } }] })],
  ])("%s", async (_what, answer) => {
    const { reply, seen } = await ask(answer);
    expect(reply).toMatchObject({ ok: true, value: { value: verdict } });
    expect(seen).toHaveLength(1);
  });

  test("is checked as strictly", async () => {
    const { reply } = await ask(completion(`\`\`\`json\n${JSON.stringify({ ...verdict, mood: "good" })}\n\`\`\``));
    expect(reply).toMatchObject({ ok: false, failure: { class: "permanent" } });
  });
});

test("a call takes no longer than the connection's time-out", async () => {
  const limits: (number | undefined)[] = [];
  const http: Http = (request) => {
    limits.push(request.timeLimit);
    return Promise.resolve(failed({ class: "transient", reason: "x" }));
  };
  for (const settings of [{}, { timeoutSeconds: 200 }]) await createOpenai({ ...common, http, learned: createLearned(), settings }).ask(question, signal);
  expect(limits).toEqual([60_000, 200_000]);
});

test("an AI Gateway gets headers against repeating calls, and against keeping them unless the connection allows it", async () => {
  const seen = stubFetch(completion(JSON.stringify(verdict)), completion(JSON.stringify(verdict)), completion(JSON.stringify(verdict)));
  const baseUrl = "https://gateway.ai.cloudflare.com/v1/acct/gw/openai";
  await createOpenai({ ...common, settings: {}, learned: createLearned(), baseUrl }).ask(question, signal, { job: "j1" });
  await createOpenai({ ...common, settings: {}, learned: createLearned(), gatewayToken: "gw-token", collectLog: true }).ask(question, signal);
  await adapter().ask(question, signal);
  const headers = seen.map((call) => Object.fromEntries([...new Headers(call.headers)].filter(([name]) => name.startsWith("cf-aig-"))));
  const usual = { "cf-aig-max-attempts": "1", "cf-aig-skip-cache": "true", "cf-aig-metadata": '{"tenant":"t1"}' };
  expect(headers).toEqual([
    { ...usual, "cf-aig-metadata": '{"tenant":"t1","job":"j1"}', "cf-aig-collect-log": "false" },
    { ...usual, "cf-aig-collect-log": "true", "cf-aig-authorization": "Bearer gw-token" },
    {},
  ]);
});
