import { describe, expect, test } from "vitest";
import { withFallback } from "../../../src/providers/models/fallback";
import { isUnbilled } from "../../../src/providers/models/chat";
import type { CallBound, Chatted, Models } from "../../../src/providers/models/models";
import { failed, type Failure, ok } from "../../../src/queue/effect";

const answer: Chatted = { text: "{}", toolCalls: [], end: "stop", model: "m", tokens: { input: 1, output: 1 } };
const down: Failure = { class: "transient", reason: "500" };

/** Endpoints that answer so, and the calls that they, their circuits and the gate received. */
function several(lines: (Failure | "answers")[], open: number[] = []) {
  const seen = { called: [] as number[], left: [] as string[], reports: [] as string[] };
  const all = lines.map((line, index): Models => {
    return {
      idempotentFor: 60,
      endpoints: [{ model: `model-${index}` }],
      ask: () => Promise.reject(new Error("not asked")),
      chat: async (_chat, _signal, { meter } = {}) => {
        if (meter && !(await meter.reserve({ endpoint: 0, input: 1, output: 1 }))) return failed({ class: "config", reason: "over", code: "over_budget" });
        seen.called.push(index);
        if (line === "answers") return ok(answer);
        await meter?.lost(!isUnbilled(line));
        return failed(line);
      },
    };
  });
  const circuits = {
    enter: async (endpoint: number) => (open.includes(endpoint) ? undefined : "lease"),
    leave: async (endpoint: number, _lease: string, how: string) => void seen.left.push(`${endpoint} ${how}`),
  };
  const models = withFallback(all, circuits, (how) => seen.reports.push(how));
  return { models, seen, chat: () => models.chat({ messages: [] }, new AbortController().signal) };
}

describe("of several endpoints", () => {
  test("the first answers, and no other is asked", async () => {
    const { chat, seen, models } = several(["answers", "answers"]);
    expect(await chat()).toEqual(ok({ ...answer, endpoint: 0 }));
    expect(seen).toEqual({ called: [0], left: ["0 answered"], reports: ["answered"] });
    expect(models.endpoints.map(({ model }) => model)).toEqual(["model-0", "model-1"]);
  });

  test.each([
    ["is down", down, "0 transient"],
    ["is busy", { class: "limited", reason: "429" }, "0 answered"],
    ["has no money left", { class: "config", reason: "429 insufficient_quota" }, "0 answered"],
  ] as [string, Failure, string][])("the next is asked when the first %s", async (_what, failure, left) => {
    const { chat, seen } = several([failure, "answers"]);
    expect(await chat()).toEqual(ok({ ...answer, endpoint: 1 }));
    expect([seen.called, seen.left[0], seen.reports.includes("transient")]).toEqual([[0, 1], left, false]);
  });

  test("the next is not asked what no endpoint would answer", async () => {
    const { chat, seen } = several([{ class: "permanent", reason: "too long" }, "answers"]);
    expect(await chat()).toMatchObject({ ok: false, failure: { class: "permanent" } });
    expect(seen.called).toEqual([0]);
  });

  test("one whose circuit is open is passed over", async () => {
    const { chat, seen } = several(["answers", "answers"], [0]);
    expect(await chat()).toMatchObject({ ok: true, value: { endpoint: 1 } });
    expect(seen.called).toEqual([1]);
  });

  test("the first one's failure is returned when all are down, and the gate gets one report", async () => {
    const { chat, seen } = several([down, { class: "transient", reason: "502" }]);
    expect(await chat()).toEqual(failed(down));
    expect(seen.reports).toEqual(["transient"]);
  });

  test("each call is reserved and recorded under its own endpoint, whichever answers", async () => {
    const { models, seen } = several([down, { class: "limited", reason: "429" }, "answers"]);
    const metered: unknown[] = [];
    const meter = {
      reserve: async ({ endpoint }: CallBound) => (metered.push(endpoint), true),
      lost: async (isBilled: boolean) => void metered.push(isBilled),
    };
    expect(await models.chat({ messages: [] }, new AbortController().signal, { meter })).toMatchObject({ ok: true, value: { endpoint: 2 } });
    expect(metered).toEqual([0, true, 1, false, 2]);
    expect(seen.called).toEqual([0, 1, 2]);
  });

  test("one that is beyond the budget is skipped, and its circuit gets no report", async () => {
    const { models, seen } = several(["answers", "answers"]);
    const meter = { reserve: async ({ endpoint }: CallBound) => endpoint === 1, lost: async () => undefined };
    expect(await models.chat({ messages: [] }, new AbortController().signal, { meter })).toMatchObject({ ok: true, value: { endpoint: 1 } });
    expect(seen).toMatchObject({ called: [1], left: ["0 none", "1 answered"] });
    const none = { ...meter, reserve: async () => false };
    expect(await models.chat({ messages: [] }, new AbortController().signal, { meter: none })).toMatchObject({ ok: false, failure: { code: "over_budget" } });
  });

  test("a call that throws gives its circuit's lease back", async () => {
    const { models, seen } = several(["answers"]);
    const meter = { reserve: () => Promise.reject(new Error("D1 is down")), lost: async () => undefined };
    await expect(models.chat({ messages: [] }, new AbortController().signal, { meter })).rejects.toThrow("D1 is down");
    expect(seen.left).toEqual(["0 none"]);
  });

  test("a question waits when all circuits are open", async () => {
    const { chat, seen } = several(["answers"], [0]);
    expect(await chat()).toMatchObject({ ok: false, failure: { class: "limited", retryAfter: 30 } });
    expect(seen).toEqual({ called: [], left: [], reports: [] });
  });
});
