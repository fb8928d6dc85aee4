import { describe, expect, test } from "vitest";
import type { Http, HttpAnswer, HttpRequest } from "../../../src/providers/http";
import { createTurnstile, type TurnstileQuestion } from "../../../src/providers/turnstile/turnstile";
import { failed, ok } from "../../../src/queue/effect";

const question = { secret: "0xSECRET", token: "token", ip: "192.0.2.1", isOwnHost: (host: string) => host === "homes.example" };

function answering(...answers: (object | "lost")[]) {
  const requests: HttpRequest[] = [];
  const http: Http = async (request) => {
    requests.push(request);
    const answer = answers[requests.length - 1] ?? "lost";
    if (answer === "lost") return failed({ class: "transient", reason: "the connection failed" });
    return ok({ status: 200, headers: new Headers(), bytes: new Uint8Array(), text: () => "", json: () => answer } satisfies HttpAnswer);
  };
  return { requests, ask: (more: Partial<TurnstileQuestion> = {}) => createTurnstile(http)({ ...question, ...more }) };
}

describe("a captcha's result", () => {
  test.each([
    [{ success: true, hostname: "homes.example" }, "passed"],
    [{ success: true, hostname: "evil.example" }, "refused"],
    [{ success: false, "error-codes": ["timeout-or-duplicate"] }, "refused"],
    [{ success: false, "error-codes": ["invalid-input-response"] }, "refused"],
    [{ success: false }, "refused"],
    [{ success: false, "error-codes": ["invalid-input-secret"] }, "unchecked"],
    [{ nonsense: true }, "unchecked"],
  ])("%j is %s", async (answer, result) => expect(await answering(answer, answer).ask()).toMatchObject({ result }));

  test("without a token is refused without a call", async () => {
    const { ask, requests } = answering();
    expect(await ask({ token: "" })).toMatchObject({ result: "refused" });
    expect(await ask({ token: "x".repeat(2049) })).toMatchObject({ result: "refused" });
    expect(requests).toEqual([]);
  });

  test("after a lost answer is asked for once more, as the same question", async () => {
    const { ask, requests } = answering("lost", { success: true, hostname: "homes.example" });
    expect(await ask()).toEqual({ result: "passed" });
    expect(requests.map(({ body }) => body)).toEqual([requests[0]?.body, requests[0]?.body]);
    expect(JSON.parse(String(requests[0]?.body))).toMatchObject({
      secret: "0xSECRET",
      response: "token",
      remoteip: "192.0.2.1",
      idempotency_key: expect.any(String),
    });
  });

  test("is asked for again by the second press of a button, as the same question; by another submission as another", async () => {
    const fine = { success: true, hostname: "homes.example" };
    const { ask, requests } = answering(fine, fine, fine, fine);
    for (const repeatKey of ["one", "one", "two", undefined]) await ask({ repeatKey });
    const keys = requests.map(({ body }) => (JSON.parse(String(body)) as { idempotency_key: string }).idempotency_key);
    expect(keys[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect([keys[1], new Set(keys).size]).toEqual([keys[0], 3]);
  });

  test("is unchecked when no call is answered, and names no secret", async () => {
    const result = await answering("lost", "lost", "lost").ask();
    expect(result).toMatchObject({ result: "unchecked" });
    expect(JSON.stringify(result)).not.toContain("0xSECRET");
  });
});
