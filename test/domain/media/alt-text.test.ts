import { describe, expect, test } from "vitest";
import { altTextFrom, maxTextLength } from "../../../src/domain/media/alt-text";
import { createVision } from "../../../src/domain/media/vision";
import type { Models, Question } from "../../../src/providers/models/models";
import { failed, ok, type Reply } from "../../../src/queue/effect";

const textOf = (altText: string) => altTextFrom({ altText, confidence: 0.5 });

describe("the text of a model", () => {
  test.each([
    ["A red bicycle.", "A red bicycle."],
    ["  A red\n\tbicycle. ", "A red bicycle."],
    ["Image of a red bicycle", "A red bicycle"],
    ["a photo of two cups", "Two cups"],
    ["Sale\u0000 \u200bnow", "Sale now"],
    ["", null],
    ["undefined", null],
    ["N/A", null],
    ["…!", null],
  ])("%j becomes %j", (answer, kept) => expect(textOf(answer)).toBe(kept));

  test("is cut after a word, to 150 characters", () => {
    const text = textOf(`${"word ".repeat(60)}end`) ?? "";
    expect(text.length).toBeLessThanOrEqual(maxTextLength);
    expect(text).toMatch(/word…$/);
    expect(textOf("x".repeat(400))).toHaveLength(maxTextLength);
    expect(textOf("😀a".repeat(100))?.isWellFormed()).toBe(true);
  });
});

describe("asking a model", () => {
  const picture = new Uint8Array(20_000).fill(7);
  const signal = new AbortController().signal;

  function models(reply: Reply<unknown>): { models: Models; questions: Question<unknown>[] } {
    const questions: Question<unknown>[] = [];
    const ask = async (question: Question<unknown>) => (questions.push(question), reply);
    return { questions, models: { idempotentFor: 60, chat: () => Promise.reject(new Error("unused")), ask } as unknown as Models };
  }

  test("gives it the picture as a data URI and the language, and keeps model and confidence", async () => {
    const fake = models(ok({ value: { altText: "Červené kolo.", confidence: 0.9 }, model: "seeing-1", tokens: { input: 1, output: 1 } }));
    const text = { text: "Červené kolo.", source: "ai", model: "seeing-1", confidence: 0.9, language: "cs" };
    expect(await createVision(fake.models).describe(picture, "cs", signal, "j1")).toEqual({ ok: true, value: text });
    const [part] = (fake.questions[0]?.input ?? []) as { type: string; url: string }[];
    expect(part?.type).toBe("image");
    expect(Uint8Array.from(atob((part?.url ?? "").replace("data:image/jpeg;base64,", "")), (char) => char.charCodeAt(0))).toEqual(picture);
    expect(fake.questions[0]?.instructions).toContain('"cs"');
  });

  test("that refuses or has nothing to say gives no text; what fails stays a failure", async () => {
    const refusing = models(failed({ class: "permanent", reason: "models: it refused to answer", code: "refusal" })).models;
    expect(await createVision(refusing).describe(picture, "en", signal, "j1")).toEqual({ ok: true, value: null });
    const empty = models(ok({ value: { altText: " ", confidence: 0 }, model: "m", tokens: { input: 1, output: 1 } })).models;
    expect(await createVision(empty).describe(picture, "en", signal, "j1")).toEqual({ ok: true, value: null });
    const failure = { class: "limited", reason: "models: 429", retryAfter: 5 } as const;
    expect(await createVision(models(failed(failure)).models).describe(picture, "en", signal, "j1")).toEqual({ ok: false, failure });
  });

  test("of a tenant that has none is a failure that says so", async () => {
    const reply = await createVision({ missing: 'the connection "models" is missing' }).describe(picture, "en", signal, "j1");
    expect(reply).toEqual({ ok: false, failure: { class: "config", reason: 'the connection "models" is missing' } });
  });
});
