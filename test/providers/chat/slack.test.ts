import { afterEach, describe, expect, test, vi } from "vitest";
import { createSlack } from "../../../src/providers/chat/slack";
import { createHttp } from "../../../src/providers/http";
import { type Answer, stubFetch } from "../fetch-stub";

afterEach(() => vi.unstubAllGlobals());

async function post(answer: Answer) {
  const seen = stubFetch(answer);
  const http = createHttp({ rules: { allowLocal: false, ownHosts: [] } });
  const chat = createSlack({ http, url: "https://hooks.slack.com/services/T0/B0/secret", now: () => 0 });
  return { reply: await chat.post({ text: "Ada Lovelace" }, new AbortController().signal), seen };
}

test.each([
  [404, "no_service", "gone"],
  [403, "invalid_token", "gone"],
  [404, "channel_not_found", "gone"],
  [410, "channel_is_archived", "gone"],
  [410, "<html>", "gone"],
  [403, "action_prohibited", "action_prohibited"],
  [404, "<html>", "404"],
  [400, "invalid_payload", "invalid_payload"],
  [500, "no_service", "no_service"],
])("%i %s is remembered as %s", async (status, text, code) => {
  const { reply } = await post(new Response(text, { status }));
  expect(reply.ok ? "ok" : reply.failure.code).toBe(code);
});

const cases: [number, string, string, Record<string, string>?][] = [
  [400, "invalid_payload", "permanent"],
  [400, "no_text", "permanent"],
  [400, "user_not_found", "permanent"],
  [403, "action_prohibited", "config"],
  [403, "invalid_token", "config"],
  [404, "channel_not_found", "config"],
  [404, "no_service", "config"],
  [410, "channel_is_archived", "config"],
  [500, "rollup_error", "transient"],
  [500, "something else", "uncertain"],
  [503, "", "uncertain"],
];

describe("Slack says no in plain text", () => {
  test.each(cases)("%i %s is %s", async (status, text, kind) => {
    const { reply } = await post(new Response(text, { status }));
    expect(reply.ok ? "ok" : reply.failure.class).toBe(kind);
  });

  test.each([
    ["30", 30],
    [undefined, 1],
    ["0", 1],
  ])("429 with Retry-After %s waits %i s", async (after, seconds) => {
    const { reply } = await post(new Response("rate_limited", { status: 429, headers: after ? { "retry-after": after } : {} }));
    expect(reply).toMatchObject({ ok: false, failure: { class: "limited", retryAfter: seconds, code: "rate_limited" } });
  });

  test("a lost answer is uncertain: Slack accepts no idempotency key", async () => {
    const { reply } = await post(new Error("Network connection lost."));
    expect(reply.ok ? "ok" : reply.failure.class).toBe("uncertain");
  });

  test("a reason that is no word is not repeated", async () => {
    const { reply } = await post(new Response("Ada Lovelace at https://hooks.slack.com/services/T0/B0/secret", { status: 400 }));
    expect(reply.ok ? "" : reply.failure.reason).toBe("Slack: 400");
  });
});

test("posts JSON", async () => {
  const { reply, seen } = await post(new Response("ok"));
  expect(reply).toEqual({ ok: true, value: { posted: true } });
  expect(JSON.parse(seen[0]?.body ?? "")).toEqual({ text: "Ada Lovelace" });
});
