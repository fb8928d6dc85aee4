import { describe, expect, test } from "vitest";
import { createCloudflareMail, type EmailBinding } from "../../../src/providers/mail/cloudflare";
import type { MailFailure, MailMessage } from "../../../src/providers/mail/mail";
import { message } from "./conformance";

const now = Date.UTC(2026, 9, 30, 23, 0, 0);

async function send(binding: EmailBinding["send"] | undefined, mail: MailMessage = message, signal = new AbortController().signal) {
  const calls: string[] = [];
  const provider = createCloudflareMail({ binding: binding && { send: binding }, now: () => now, onResult: (call) => void calls.push(call) });
  return { reply: await provider.send(mail, { idempotencyKey: "k", signal }), calls };
}

function refusedWith(code: unknown): EmailBinding["send"] {
  return () => Promise.reject(Object.assign(new Error("could not send to ada@example.com: Your order 4711"), { code }));
}

describe("Cloudflare Email Service", () => {
  test("sends the message as it is", async () => {
    let seen: unknown;
    const { reply, calls } = await send(async (mail) => ((seen = mail), { messageId: "<m-1@example.com>" }));
    expect([reply, calls]).toEqual([{ ok: true, value: { id: "m-1@example.com" } }, ["answered"]]);
    expect(seen).toEqual({
      from: { email: "shop@example.com", name: "Shop Example" },
      to: ["ada@example.com", "grace@example.org"],
      replyTo: "help@example.com",
      subject: "Your order 4711",
      html: message.html,
      text: message.text,
      headers: message.headers,
      attachments: [{ filename: "Größe.txt", type: "text/plain", disposition: "attachment", content: message.attachments?.[0]?.content }],
    });
  });

  test.each<[unknown, Omit<MailFailure, "reason" | "code" | "providerMessage">]>([
    ["E_VALIDATION_ERROR", { class: "permanent" }],
    ["E_FIELD_MISSING", { class: "permanent" }],
    ["E_TOO_MANY_RECIPIENTS", { class: "permanent" }],
    ["E_TOO_MANY_ATTACHMENTS", { class: "permanent" }],
    ["E_CONTENT_TOO_LARGE", { class: "permanent" }],
    ["E_HEADER_VALUE_TOO_LONG", { class: "permanent" }],
    ["E_HEADERS_TOO_LARGE", { class: "permanent" }],
    ["E_SENDER_NOT_VERIFIED", { class: "config" }],
    ["E_SENDER_DOMAIN_NOT_AVAILABLE", { class: "config" }],
    ["E_RECIPIENT_NOT_ALLOWED", { class: "config" }],
    ["E_RECIPIENT_SUPPRESSED", { class: "permanent" }],
    ["E_RATE_LIMIT_EXCEEDED", { class: "limited", retryAfter: 60 }],
    ["E_DAILY_LIMIT_EXCEEDED", { class: "limited", retryAfter: 3600 }],
    ["E_DELIVERY_FAILED", { class: "uncertain" }],
    ["E_INTERNAL_SERVER_ERROR", { class: "uncertain" }],
    [undefined, { class: "uncertain" }],
    [10_004, { class: "uncertain" }],
  ])("%s", async (code, expected) => {
    const { reply } = await send(refusedWith(code));
    const { reason, code: _, providerMessage, ...failure } = reply.ok ? { reason: "", code: "" } : reply.failure;
    expect(failure).toEqual(expected);
    expect(reason).toBe(`Cloudflare Email Service: ${typeof code === "string" ? code : "failed without a code"}`);
    expect(providerMessage).toBe("could not send to ada@example.com: Your order 4711");
    for (const personal of ["ada@", "4711"]) expect(reason).not.toContain(personal);
  });

  test("a suppressed recipient is named when there is one alone", async () => {
    const { reply } = await send(refusedWith("E_RECIPIENT_SUPPRESSED"), { ...message, to: ["Ada <ada@example.com>"] });
    expect(reply).toMatchObject({ failure: { class: "permanent", refused: [{ address: "ada@example.com", suppress: true }] } });
  });

  test("a Worker without the binding is a matter of configuration", async () => {
    expect((await send(undefined)).reply).toMatchObject({ failure: { class: "config", reason: expect.stringContaining("EMAIL") } });
  });

  test("stops with the run, and does not know what became of the mail", async () => {
    const run = new AbortController();
    const { reply, calls } = await send(() => (queueMicrotask(() => run.abort(new Error("cancelled"))), new Promise(() => undefined)), message, run.signal);
    expect([reply, calls]).toMatchObject([{ failure: { class: "uncertain" } }, []]);
  });

  test("a success without an id is uncertain", async () => {
    expect((await send(async () => ({ messageId: "" }))).reply).toMatchObject({ failure: { class: "uncertain" } });
  });
});
