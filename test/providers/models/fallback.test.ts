import { describe, expect, test } from "vitest";
import { withFallback } from "../../../src/providers/models/fallback";
import type { Chatted, Models } from "../../../src/providers/models/models";
import { failed, type Failure, ok } from "../../../src/queue/effect";

const answer: Chatted = { text: "{}", toolCalls: [], end: "stop", model: "m", tokens: { input: 1, output: 1 } };
const down: Failure = { class: "transient", reason: "500" };

/** Endpoints that answer so, and what they, their circuits and the gate were asked and told. */
function several(lines: (Failure | "answers")[], open: number[] = []) {
  const seen = { asked: [] as number[], left: [] as string[], told: [] as string[] };
  const all = lines.map((line, index): Models => {
    return {
      idempotentFor: 60,
      endpoints: [{ model: `model-${index}` }],
      ask: () => Promise.reject(new Error("not asked")),
      chat: async () => {
        seen.asked.push(index);
        return line === "answers" ? ok(answer) : failed(line);
      },
    };
  });
  const circuits = {
    enter: async (endpoint: number) => (open.includes(endpoint) ? undefined : "lease"),
    leave: async (endpoint: number, _lease: string, how: string) => void seen.left.push(`${endpoint} ${how}`),
  };
  const models = withFallback(all, circuits, (how) => seen.told.push(how));
  return { models, seen, chat: () => models.chat({ messages: [] }, new AbortController().signal) };
}

describe("of several endpoints", () => {
  test("the first answers, and no other is asked", async () => {
    const { chat, seen, models } = several(["answers", "answers"]);
    expect(await chat()).toEqual(ok({ ...answer, endpoint: 0 }));
    expect(seen).toEqual({ asked: [0], left: ["0 answered"], told: ["answered"] });
    expect(models.endpoints.map(({ model }) => model)).toEqual(["model-0", "model-1"]);
  });

  test.each([
    ["is down", down, "0 transient"],
    ["is busy", { class: "limited", reason: "429" }, "0 answered"],
    ["has no money left", { class: "config", reason: "429 insufficient_quota" }, "0 answered"],
  ] as [string, Failure, string][])("the next is asked when the first %s", async (_what, failure, left) => {
    const { chat, seen } = several([failure, "answers"]);
    expect(await chat()).toEqual(ok({ ...answer, endpoint: 1 }));
    expect([seen.asked, seen.left[0], seen.told.includes("transient")]).toEqual([[0, 1], left, false]);
  });

  test("the next is not asked what no endpoint would answer", async () => {
    const { chat, seen } = several([{ class: "permanent", reason: "too long" }, "answers"]);
    expect(await chat()).toMatchObject({ ok: false, failure: { class: "permanent" } });
    expect(seen.asked).toEqual([0]);
  });

  test("one whose circuit is open is passed over", async () => {
    const { chat, seen } = several(["answers", "answers"], [0]);
    expect(await chat()).toMatchObject({ ok: true, value: { endpoint: 1 } });
    expect(seen.asked).toEqual([1]);
  });

  test("the first one's failure is given when all are down, and the gate is told once", async () => {
    const { chat, seen } = several([down, { class: "transient", reason: "502" }]);
    expect(await chat()).toEqual(failed(down));
    expect(seen.told).toEqual(["transient"]);
  });

  test("a question waits when all circuits are open", async () => {
    const { chat, seen } = several(["answers"], [0]);
    expect(await chat()).toMatchObject({ ok: false, failure: { class: "limited", retryAfter: 30 } });
    expect(seen).toEqual({ asked: [], left: [], told: [] });
  });
});
