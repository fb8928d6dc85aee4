import { describe, expect, test } from "vitest";
import { message, options, taken, refusal, type World, world } from "./sender-world";

describe("a mail that a provider may have, whatever becomes of the connection", () => {
  const gone = expect.objectContaining({ class: "permanent", inDoubt: true, reason: expect.stringContaining("not in the connection any more") });
  const uncertain = async (mail: World["mail"], more: object = {}) => {
    const reply = await mail.send({ ...message, ...more }, options);
    return { at: 30_000, note: reply.ok ? null : JSON.parse(JSON.stringify(reply.failure.note)) };
  };

  test("of a fallback is not sent by the first provider when that is left alone, with its note or without", async () => {
    const both = world({ resend: [taken], postmark: [refusal("uncertain")] });
    both.closed.add("resend");
    const earlier = await uncertain(both.mail);
    const alone = world({ resend: [taken] }, { before: both });
    for (const each of [earlier, undefined]) expect(await alone.mail.send(message, { ...options, earlier: each })).toEqual({ ok: false, failure: gone });
    expect(await world({ resend: [taken] }).mail.send(message, { ...options, earlier })).toEqual({ ok: false, failure: gone });
    expect(alone.sent).toEqual([]);
  });

  test("ends at once when its provider was replaced, and waits while it is still there", async () => {
    const both = world({ resend: [taken], postmark: [refusal("uncertain")] });
    both.closed.add("resend");
    await uncertain(both.mail);
    const replaced = world({ resend: [taken], smtp: [taken] }, { before: both });
    expect(await replaced.mail.send(message, options)).toEqual({ ok: false, failure: gone });
    const moved = world({ postmark: [taken], smtp: [taken] }, { before: both, idempotent: ["postmark"] });
    moved.closed.add("postmark");
    expect(await moved.mail.send(message, options)).toMatchObject({ failure: { class: "limited" } });
    expect([replaced.sent, moved.sent]).toEqual([[], []]);
  });

  test("is not sent through another account of the same provider: keys hold within one", async () => {
    const first = world({ resend: [refusal("uncertain")] });
    const earlier = await uncertain(first.mail);
    expect(await world({ resend: [taken] }, { account: "2" }).mail.send(message, { ...options, earlier })).toEqual({ ok: false, failure: gone });
    expect(await world({ resend: [taken] }).mail.send(message, { ...options, earlier })).toMatchObject({ ok: true });
  });

  test("is not sent again when the promise of its provider is over", async () => {
    const both = world({ resend: [refusal("uncertain")], postmark: [taken] });
    await uncertain(both.mail);
    const next = world({ resend: [taken], postmark: [taken] }, { before: both, now: 30_000 + 86_400_000 });
    expect(await next.mail.send(message, options)).toMatchObject({ failure: { class: "permanent", inDoubt: true } });
    expect(next.sent).toEqual([]);
  });

  test("is repeated as it was, though sender and links have changed since", async () => {
    const headers = { "List-Unsubscribe": "<https://old.example/u/1>" };
    const first = world({ resend: [refusal("uncertain")] });
    const earlier = await uncertain(first.mail, { headers });
    const next = world({ resend: [taken] });
    await next.mail.send(
      { ...message, from: "new@example.com", replyTo: "new@example.com", headers: { "List-Unsubscribe": "<https://new.example/u/1>" } },
      { ...options, earlier },
    );
    expect(next.messages).toEqual(first.messages);
  });
});
