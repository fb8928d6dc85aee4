import * as fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createHttp } from "../../../src/providers/http";
import type { Http } from "../../../src/providers/http";
import type { MailMessage } from "../../../src/providers/mail/mail";
import { createResend } from "../../../src/providers/mail/resend";
import { stubFetch } from "../fetch-stub";
import { conformsToMail, fromBase64, message, sendBy } from "./conformance";

const apiKey = "re_abcdefgh_0123456789";
const now = Date.UTC(2026, 9, 30, 23, 0, 0);
const create = (http: Http) => createResend({ http, apiKey, baseUrl: "https://mail.example.com/", now: () => now });

interface ResendFile {
  filename: string;
  content: string;
  content_type: string;
}

const refused = (status: number, name: string, text: string, headers?: Record<string, string>) => ({
  what: name,
  status,
  ...(headers ? { headers } : {}),
  message: text,
  body: { statusCode: status, name, message: text },
});

conformsToMail("Resend", {
  create,
  secrets: [apiKey],
  accepted: { what: "accepted", status: 200, body: { id: "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794" }, id: "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794" },
  sent: (call) => {
    const {
      reply_to: replyTo,
      attachments,
      ...rest
    } = JSON.parse(call.body) as Omit<MailMessage, "attachments"> & { reply_to: string; attachments: ResendFile[] };
    return {
      ...rest,
      replyTo,
      attachments: attachments.map(({ filename, content, content_type: contentType }) => ({ filename, contentType, content: fromBase64(content) })),
    };
  },
  refusals: [
    { ...refused(400, "invalid_idempotency_key", "The key must be between 1-256 chars."), expected: { class: "permanent", code: "invalid_idempotency_key" } },
    { ...refused(400, "validation_error", "Invalid `to` field: Ada Lovelace <ada@example.com>"), expected: { class: "permanent", code: "validation_error" } },
    { ...refused(401, "missing_api_key", "Missing API Key"), expected: { class: "config", code: "missing_api_key" } },
    {
      ...refused(401, "restricted_api_key", `This API key ${apiKey} is restricted to only send emails`),
      expected: { class: "config", code: "restricted_api_key" },
    },
    { ...refused(403, "invalid_api_key", "API key is invalid"), expected: { class: "config", code: "invalid_api_key" } },
    {
      ...refused(403, "validation_error", "The example.com domain is not verified: shop@example.com"),
      expected: { class: "config", code: "validation_error" },
    },
    { ...refused(404, "not_found", "The requested endpoint does not exist."), expected: { class: "permanent", code: "not_found" } },
    {
      ...refused(405, "method_not_allowed", "This endpoint does not support the specified HTTP method"),
      expected: { class: "permanent", code: "method_not_allowed" },
    },
    {
      ...refused(409, "invalid_idempotent_request", "This idempotency key has been used with a different payload"),
      expected: { class: "permanent", inDoubt: true, code: "invalid_idempotent_request" },
    },
    {
      ...refused(409, "concurrent_idempotent_requests", "Another request with the same idempotency key is in progress"),
      expected: { class: "transient", code: "concurrent_idempotent_requests", retryAfter: 5 },
    },
    {
      ...refused(422, "missing_required_field", "Missing `subject` field (Your order 4711)"),
      expected: { class: "permanent", code: "missing_required_field" },
    },
    { ...refused(422, "invalid_from_address", "Invalid `from` field."), expected: { class: "permanent", code: "invalid_from_address" } },
    {
      ...refused(422, "invalid_attachment", "Attachment must have either a `content` or `path`."),
      expected: { class: "permanent", code: "invalid_attachment" },
    },
    { ...refused(403, "invalid_access", "?"), expected: { class: "config", code: "invalid_access" } },
    {
      ...refused(429, "rate_limit_exceeded", "Too many requests. You can only make 2 requests per second.", { "retry-after": "3" }),
      expected: { class: "limited", code: "rate_limit_exceeded", retryAfter: 3 },
    },
    {
      ...refused(429, "rate_limit_exceeded", "Too many requests.", { "ratelimit-reset": "2" }),
      expected: { class: "limited", code: "rate_limit_exceeded", retryAfter: 2 },
    },
    {
      ...refused(429, "rate_limit_exceeded", "Too many requests.", { "retry-after": "0" }),
      expected: { class: "limited", code: "rate_limit_exceeded", retryAfter: 1 },
    },
    {
      ...refused(429, "daily_quota_exceeded", "You have reached your daily email sending quota.", { "retry-after": "1" }),
      expected: { class: "limited", code: "daily_quota_exceeded", retryAfter: 3600 },
    },
    {
      ...refused(429, "monthly_quota_exceeded", "You have reached your monthly email sending quota."),
      expected: { class: "limited", code: "monthly_quota_exceeded", retryAfter: 25 * 3600 },
    },
    { what: "without a body", status: 429, body: "", expected: { class: "limited", code: "429" } },
    { ...refused(451, "security_error", "We may have found a security issue with the request."), expected: { class: "permanent", code: "security_error" } },
    { ...refused(500, "application_error", "An unexpected error occurred."), expected: { class: "uncertain", code: "application_error" } },
    { ...refused(500, "internal_server_error", "An unexpected error occurred."), expected: { class: "uncertain", code: "internal_server_error" } },
    // A server error never becomes something better by what its body claims.
    { ...refused(500, "rate_limit_exceeded", "?"), expected: { class: "uncertain", code: "rate_limit_exceeded" } },
    { what: "maintenance", status: 503, headers: { "retry-after": "120" }, body: "<html>", expected: { class: "limited", code: "503", retryAfter: 120 } },
    {
      what: "not the JSON of Resend",
      status: 400,
      body: [{ name: ["x"], message: { deep: "ada@example.com" } }],
      expected: { class: "permanent", code: "400" },
    },
    { what: "a name that is none", status: 400, body: { name: "ada@example.com", message: 7 }, expected: { class: "permanent", code: "400" } },
  ],
});

describe("what Resend is sent", () => {
  afterEach(() => vi.unstubAllGlobals());

  test("path, key and idempotency key", async () => {
    const { seen } = await sendBy(create, Response.json({ id: "1" }));
    expect(seen[0]).toMatchObject({ url: "https://mail.example.com/emails", method: "POST" });
    expect(Object.fromEntries(seen[0]?.headers ?? [])).toEqual({
      accept: "application/json",
      authorization: `Bearer ${apiKey}`,
      "content-type": "application/json",
      "idempotency-key": "job-1:send:0",
      "user-agent": "Jobyard",
    });
  });

  test.each(["x".repeat(257), "schlüssel", "a\r\nb", ""])("a key the API would refuse goes as its hash: %#", async (key) => {
    const seen = stubFetch(Response.json({ id: "1" }));
    await create(createHttp({ rules: { allowLocal: false, ownHosts: [] } })).send(message, { idempotencyKey: key, signal: new AbortController().signal });
    expect(seen[0]?.headers.get("idempotency-key")).toMatch(/^[0-9a-f]{64}$/);
  });

  test("a key that is no header value is a matter of configuration", async () => {
    const { reply, seen } = await sendBy((http) => createResend({ http, apiKey: "re_1\n2", now: () => now }), Response.json({ id: "1" }));
    expect([reply.ok ? "ok" : reply.failure.class, seen.length]).toEqual(["config", 0]);
  });

  test("never throws, whatever the API says", async () => {
    const body = fc.oneof(
      fc.json(),
      fc.string(),
      fc.record({ id: fc.anything(), name: fc.anything(), message: fc.anything() }).map((value) => safeJson(value)),
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 200, max: 599 }), body, fc.string({ unit: "grapheme-ascii" }), async (status, text, after) => {
        const empty = [204, 205, 304].includes(status);
        const answer = () => new Response(empty ? null : text, { status, headers: { "retry-after": after, "ratelimit-reset": after } });
        const { reply } = await sendBy(create, answer);
        const waits = reply.ok ? undefined : reply.failure.retryAfter;
        expect(waits === undefined || (Number.isInteger(waits) && waits >= 0)).toBe(true);
        expect(reply.ok ? status < 300 : reply.failure.reason.length < 400).toBe(true);
      }),
    );
  });
});

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "{";
  }
}

describe("a batch", () => {
  afterEach(() => vi.unstubAllGlobals());
  const three = ["a", "b", "c"].map((name): MailMessage => ({ from: "shop@example.com", to: [`${name}@example.com`], subject: "s", text: "t" }));
  const send = async (answer: Response) => {
    const seen = stubFetch(answer);
    const provider = create(createHttp({ rules: { allowLocal: false, ownHosts: [] } }));
    return { reply: await provider.sendBatch?.(three, { idempotencyKey: "page-1", signal: new AbortController().signal }), seen };
  };

  test("goes as one idempotent call in which a wrong mail does not refuse the others", async () => {
    const { reply, seen } = await send(Response.json({ data: [{ id: "1" }, { id: "3" }], errors: [{ index: 1, message: "Invalid `to`: b@example.com" }] }));
    expect(seen[0]).toMatchObject({ url: "https://mail.example.com/emails/batch", method: "POST" });
    expect([seen[0]?.headers.get("idempotency-key"), seen[0]?.headers.get("x-batch-validation")]).toEqual(["page-1", "permissive"]);
    expect(JSON.parse(seen[0]?.body ?? "")).toHaveLength(3);
    expect(reply).toMatchObject({
      ok: true,
      value: [
        { ok: true, id: "1" },
        { ok: false, failure: { class: "permanent", reason: "mail: 200 validation_error", providerMessage: "Invalid `to`: b@example.com" } },
        { ok: true, id: "3" },
      ],
    });
  });

  test.each([
    ["too few ids", { data: [{ id: "1" }] }],
    ["no ids", {}],
    ["ids that are none", { data: [{ id: 1 }, { id: 2 }, { id: 3 }] }],
  ])("%s leave it uncertain", async (_what, body) => {
    expect((await send(Response.json(body))).reply).toMatchObject({ ok: false, failure: { class: "uncertain" } });
  });

  test("is refused whole for a quota", async () => {
    const { reply } = await send(Response.json({ statusCode: 429, name: "daily_quota_exceeded", message: "?" }, { status: 429 }));
    expect(reply).toMatchObject({ ok: false, failure: { class: "limited", retryAfter: 3600 } });
  });
});
