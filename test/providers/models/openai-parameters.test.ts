import { afterEach, describe, expect, test, vi } from "vitest";
import { createLearned } from "../../../src/providers/models/learned";
import { createOpenai } from "../../../src/providers/models/openai";
import { type Answer, type SeenCall, stubFetch } from "../fetch-stub";
import { verdict, question, completion, refused, signal, adapter, common, ask } from "./openai-bench";

afterEach(() => vi.unstubAllGlobals());

const sent = ({ body }: SeenCall) => JSON.parse(body) as Record<string, unknown>;

describe("what an endpoint does not take is left out", () => {
  /** Refuses the first of these parameters that a call has, in the words of the list. */
  const picky =
    (...refusals: [has: (body: Record<string, unknown>) => boolean, answer: () => Response][]) =>
    (call: SeenCall) =>
      refusals.find(([has]) => has(sent(call)))?.[1]() ?? completion(JSON.stringify(verdict));
  const type = (body: Record<string, unknown>) => (body["response_format"] as { type?: string } | undefined)?.type;
  const noTemperature: [(body: Record<string, unknown>) => boolean, () => Response] = [
    (body) => "temperature" in body,
    () => refused(400, { message: "Unsupported value: 'temperature'", type: "invalid_request_error", param: "temperature", code: "unsupported_value" }),
  ];
  const extra = (name: string): [(body: Record<string, unknown>) => boolean, () => Response] => [
    (body) => name in body,
    () =>
      Response.json(
        { object: "error", message: { detail: [{ type: "extra_forbidden", loc: ["body", name] }] }, type: "invalid_request_error" },
        { status: 422 },
      ),
  ];

  test("as GPT-5 takes no temperature", async () => {
    const { reply, seen } = await ask(picky(noTemperature));
    expect(reply.ok).toBe(true);
    expect(seen.map((call) => "temperature" in sent(call))).toEqual([true, false]);
  });

  test("as Mistral supports only max_tokens", async () => {
    const { reply, seen } = await ask(picky(extra("max_completion_tokens")));
    expect(reply.ok).toBe(true);
    expect(seen.map((call) => [sent(call)["max_completion_tokens"], sent(call)["max_tokens"]])).toEqual([
      [4000, undefined],
      [undefined, 4000],
    ]);
  });

  test("as DeepSeek does not support json_schema: the schema stands in the instructions", async () => {
    const { reply, seen } = await ask(
      picky([(body) => type(body) === "json_schema", () => refused(400, { message: "This response_format type is unavailable now" })]),
    );
    expect(reply.ok).toBe(true);
    expect(seen.map((call) => type(sent(call)))).toEqual(["json_schema", "json_object"]);
    expect(seen[1]?.body).toContain("nextStep");
  });

  test("all of it, step by step, and the rest is asked at once from then on", async () => {
    const learned = createLearned();
    const rules = picky(
      noTemperature,
      extra("max_completion_tokens"),
      extra("max_tokens"),
      [(body) => type(body) === "json_schema", () => refused(400, { message: "response format `json_schema` is not supported" })],
      [(body) => type(body) === "json_object", () => Response.json({ detail: "unknown field: response_format" }, { status: 422 })],
    );
    const seen = stubFetch(rules);
    expect((await adapter({}, learned).ask(question, signal)).ok).toBe(true);
    expect(seen).toHaveLength(6);
    expect((await adapter({}, learned).ask(question, signal)).ok).toBe(true);
    expect(seen).toHaveLength(7);
    expect(Object.keys(sent(seen[6] as SeenCall))).toEqual(["model", "messages"]);
  });

  test("for an hour, and for that tenant, model and setting alone", async () => {
    const learned = createLearned();
    const seen = stubFetch(picky(noTemperature));
    const callsFor = async (more: object) => {
      const before = seen.length;
      await createOpenai({ ...common, learned, ...more }).ask(question, signal);
      return seen.length - before;
    };
    expect([
      await callsFor({}),
      await callsFor({}),
      await callsFor({ tenant: "t2" }),
      await callsFor({ model: "other" }),
      await callsFor({ settings: { maxTokens: 9 } }),
    ]).toEqual([2, 1, 2, 2, 2]);
    expect(await callsFor({ now: () => 3_600_000 })).toBe(2);
  });

  test("nothing is learned from a refusal that stays, and the reply has it", async () => {
    const learned = createLearned();
    const seen = stubFetch(refused(400, { message: "temperature, max_completion_tokens, max_tokens and response_format: no" }));
    const reply = await adapter({}, learned).ask(question, signal);
    expect(reply).toMatchObject({ ok: false, failure: { class: "permanent" } });
    const first = seen.length;
    await adapter({}, learned).ask(question, signal);
    expect(sent(seen[first] as SeenCall)).toHaveProperty("temperature");
  });

  test.each<[string, Answer]>([
    ["a refusal that names no parameter", refused(400, { message: "Bad request" })],
    ["too long a question, whatever it advises", refused(400, { code: "context_length_exceeded", message: "reduce max_completion_tokens" })],
    ["a wrong key", refused(401, { message: "temperature" })],
  ])("not after %s", async (_what, answer) => {
    const { seen } = await ask(answer);
    expect(seen).toHaveLength(1);
  });

  test("keeps at most so many endpoints", () => {
    const learned = createLearned(2);
    const dialect = { temperature: undefined, tokensParameter: "none", responseFormat: "none", maxTokens: 1 } as const;
    for (const endpoint of ["a", "b", "c"]) learned.set(endpoint, dialect, 0);
    expect(["a", "b", "c"].map((endpoint) => learned.get(endpoint, 0) !== undefined)).toEqual([false, true, true]);
  });
});

describe("what the connection says is sent", () => {
  test("all of it", async () => {
    const seen = stubFetch(completion(JSON.stringify(verdict)));
    await adapter({ maxTokens: 900, temperature: 0.5, tokensParameter: "max_tokens", responseFormat: "json_object" }).ask(question, signal);
    expect(sent(seen[0] as SeenCall)).toMatchObject({ max_tokens: 900, temperature: 0.5, response_format: { type: "json_object" } });
    expect(seen[0]?.body).not.toContain("max_completion_tokens");
  });

  test("nothing of what it leaves out", async () => {
    const seen = stubFetch(completion(JSON.stringify(verdict)));
    await adapter({ tokensParameter: "none", responseFormat: "none" }).ask(question, signal);
    expect(Object.keys(sent(seen[0] as SeenCall))).toEqual(["model", "messages", "temperature"]);
  });

  test("a call that asks for more tokens gets no more than the connection's", async () => {
    const seen = stubFetch(completion("Hello."));
    await adapter({ maxTokens: 900 }).chat({ messages: [{ role: "user", content: "Hi" }], maxTokens: 5000 }, signal);
    await adapter().chat({ messages: [{ role: "user", content: "Hi" }], maxTokens: 5000 }, signal);
    expect(seen.map((call) => sent(call)["max_completion_tokens"])).toEqual([900, 5000]);
  });
});

test("a model that used up its tokens thinking gets more of them from then on, unless the connection bounds them", async () => {
  const fine = completion(JSON.stringify(verdict));
  const seen = stubFetch(completion("", "length"), fine, fine, completion("", "length"));
  const learned = createLearned();
  for (const _ of [1, 2]) expect((await adapter({}, learned).ask(question, signal)).ok).toBe(true);
  expect(await adapter({ maxTokens: 900 }).ask(question, signal)).toMatchObject({
    ok: false,
    failure: { reason: expect.stringContaining("maxTokens") as unknown },
  });
  expect(seen.map((call) => sent(call)["max_completion_tokens"])).toEqual([4000, 16_000, 16_000, 900, 900]);
});
