import { afterEach, describe, expect, test, vi } from "vitest";
import { type WebhookOptions, createWebhook } from "../../../src/providers/hooks/webhook";
import { createHttp } from "../../../src/providers/http";
import { verify } from "../../../src/standard-webhooks";
import { type Answer, brokenBody, stubFetch } from "../fetch-stub";

afterEach(() => vi.unstubAllGlobals());

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const now = 1_700_000_000_000;
const message = { id: "job-1", body: '{"a":1}', hops: 1 };

async function post(answer: Answer, options: Partial<WebhookOptions> = {}) {
  const seen = stubFetch(answer);
  const http = createHttp({ rules: { allowLocal: false, ownHosts: [] } });
  const hook = createWebhook({ http, url: "https://hook.example.com/abc123secret", now: () => now, ...options });
  return { reply: await hook.post(message, new AbortController().signal), seen };
}

const failureOf = async (answer: Answer, options: Partial<WebhookOptions> = {}) => {
  const { reply } = await post(answer, options);
  return reply.ok ? null : reply.failure;
};

describe("what refuses", () => {
  test.each<[number, string, Record<string, string>, object]>([
    [400, "bad", {}, { class: "transient" }],
    [401, "", {}, { class: "transient" }],
    [404, "not yet deployed", {}, { class: "transient" }],
    [410, "gone", {}, { class: "config", code: "gone" }],
    [413, "", {}, { class: "permanent" }],
    [302, "", { location: "/login" }, { class: "transient" }],
    [429, "", { "retry-after": "7" }, { class: "limited", retryAfter: 7 }],
    [500, "", {}, { class: "uncertain" }],
    [502, "", {}, { class: "uncertain" }],
    [503, "", { "retry-after": "0" }, { class: "limited", retryAfter: 1 }],
  ])("%i %s", async (status, text, headers, expected) => expect(await failureOf(new Response(text, { status, headers }))).toMatchObject(expected));

  test.each<[number, string, object]>([
    [400, "Queue is full.", { class: "limited", code: "queue-full", retryAfter: 60 }],
    [400, "Invalid JSON", { class: "permanent" }],
    [401, "", { class: "config" }],
    [410, "Gone", { class: "config", code: "gone" }],
    [429, "", { class: "limited" }],
    [500, "Scenario failed to complete.", { class: "uncertain" }],
  ])("in Make's words: %i %s", async (status, text, expected) =>
    expect(await failureOf(new Response(text, { status }), { dialect: "make" })).toMatchObject(expected),
  );

  test("a redirect is not followed", async () => {
    const { reply, seen } = await post(new Response(null, { status: 307, headers: { location: "https://elsewhere.example.com/" } }));
    expect(reply).toMatchObject({ ok: false, failure: { class: "transient", reason: expect.stringContaining("give the final address") } });
    expect(seen).toHaveLength(1);
  });

  test.each<[string, Answer]>([
    ["a lost connection", new Error("Network connection lost.")],
    ["an answer cut off", new Response(brokenBody("o"))],
  ])("%s is uncertain: the call may have arrived", async (_what, answer) => expect(await failureOf(answer)).toMatchObject({ class: "uncertain" }));

  test("says nothing of the address or secret", async () => {
    const failure = await failureOf(new Response(`no such hook https://hook.example.com/abc123secret ${secret} ada@example.com`, { status: 400 }), {
      secrets: [secret],
    });
    expect(failure).toMatchObject({ reason: "webhook: 400", providerMessage: "no such hook ••• ••• ada@example.com" });
    for (const text of ["abc123secret", "MfKQ9"]) expect(JSON.stringify(failure)).not.toContain(text);
  });
});

test("signs what it sends, and keeps the answer's first 4,096 characters", async () => {
  const { reply, seen } = await post(new Response("x".repeat(5000), { status: 202 }), { secrets: [secret] });
  expect(reply).toEqual({ ok: true, value: { status: 202, response: "x".repeat(4096) } });
  expect(seen[0]).toMatchObject({ url: "https://hook.example.com/abc123secret", method: "POST", body: '{"a":1}' });
  expect(seen[0]?.headers.get("jobyard-hops")).toBe("1");
  expect(await verify(secret, seen[0]!.headers, new TextEncoder().encode(seen[0]!.body), now)).toEqual({ ok: true, id: "job-1" });
});

test("without a secret there is an id and no signature", async () => {
  const { seen } = await post(new Response("ok"));
  expect([seen[0]?.headers.get("webhook-id"), seen[0]?.headers.has("webhook-signature")]).toEqual(["job-1", false]);
});
