import * as fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { isMailbox, mailboxFrom } from "../../src/domain/mail/mailbox";
import { email } from "../../src/jobs/email/job";
import { mask, masked } from "../../src/masking/personal";
import type { InputOf } from "../../src/queue/job";
import { checkPayload } from "../../src/queue/registry";

type Input = InputOf<typeof email>;

describe("the payload", () => {
  const good = { to: "ada@example.com", subject: "s", text: "t" };

  test.each<[unknown, string[]]>([
    [{}, ["payload.to", "payload.templateId", "payload.subject"]],
    [{ to: "ada@example.com" }, ["payload.templateId", "payload.subject"]],
    [{ to: "ada@example.com", text: "t" }, ["payload.subject"]],
    [{ to: "ada@example.com", subject: "s" }, ["payload.templateId"]],
    [{ ...good, templateId: "welcome" }, ["payload.text"]],
    [{ ...good, html: "h", templateId: "welcome" }, ["payload.html", "payload.text"]],
    [{ ...good, to: "nobody" }, ["payload.to"]],
    [{ ...good, to: [] }, ["payload.to"]],
    [{ ...good, to: ["ada@example.com", "nobody"] }, ["payload.to[1]"]],
    [{ ...good, to: Array.from({ length: 51 }, (_, index) => `a${index}@example.com`) }, ["payload.to"]],
    [{ ...good, to: "ada@example.com\r\nBcc: all@example.com" }, ["payload.to"]],
    [{ ...good, from: "x", replyTo: "y" }, ["payload.from", "payload.replyTo"]],
    [{ ...good, subject: "" }, ["payload.subject"]],
    [{ ...good, subject: "x".repeat(999) }, ["payload.subject"]],
    [{ ...good, html: "" }, ["payload.html"]],
    [{ ...good, priority: "urgent" }, ["payload.priority"]],
    [{ ...good, variables: "x" }, ["payload.variables"]],
    [{ to: "ada@example.com", templateId: "Wel come" }, ["payload.templateId"]],
    [{ ...good, cc: "x" }, ["payload.cc"]],
  ])("%j is wrong in %j", (payload, paths) => expect(email).toRefuse(payload, ...paths));

  test("no issue repeats what it refuses", () => {
    const checked = checkPayload(email, { to: "ada lovelace@example", from: "ada lovelace@example", subject: "s", text: "t" });
    expect(JSON.stringify(checked)).not.toContain("lovelace@example");
  });

  test.each<Input>([
    good,
    { to: ["Ada Lovelace <ada@example.com>", '"Hopper, Grace" <grace@example.org>'], subject: "s", html: "h", text: "t" },
    { to: "ada@example.com", templateId: "welcome", subject: "s", variables: { a: { b: [1, null] } }, from: "a@b.example", replyTo: "c@d.example" },
  ])("%j is right", (payload) => expect(email).toTake(payload));

  test("goes to its queue", () => {
    const route = (priority: "high" | "normal" | "low") => email.route(v.parse(email.payload, { ...good, priority }));
    expect([route("high"), route("normal"), route("low"), email.route(v.parse(email.payload, good))]).toEqual([
      "email-sending",
      "email-sending",
      "email-bulk",
      "email-sending",
    ]);
  });

  test("is masked where it is personal", () => {
    const payload = { ...good, to: ["ada@example.com"], html: "h", variables: { name: "Ada" }, from: "a@b.example", replyTo: "c@d.example", priority: "low" };
    expect(mask(email.payload, payload)).toEqual({
      to: [masked],
      subject: masked,
      text: masked,
      html: masked,
      variables: { name: masked },
      from: masked,
      replyTo: masked,
      priority: "low",
    });
    expect(mask(email.payload, { to: "ada@example.com", templateId: "welcome" })).toEqual({ to: masked, templateId: "welcome" });
  });
});

describe("a mailbox", () => {
  test.each([
    "",
    "a",
    "a@b",
    "a@b..example",
    "a..b@c.example",
    ".a@b.example",
    "a@-b.example",
    "a b@c.example",
    "Ada <a@b.example",
    "Ada, B <a@b.example>",
    "A <a@b.example> <c@d.example>",
    "a@b.example, c@d.example",
    "<a@b.example>",
    '"A\nB" <a@b.example>',
    `${"a".repeat(65)}@b.example`,
  ])("is not %j", (text) => expect(isMailbox(text)).toBe(false));

  test.each(["a@b.example", "a.b+c@d-e.example.co", "O'Neil <o'neil@b.example>", "Dr. Größe <a@b.example>", '"Ada, B" <a@b.example>'])("is %j", (text) =>
    expect(isMailbox(text)).toBe(true),
  );

  test.each([
    ["ada@bücher.example", "ada@xn--bcher-kva.example"],
    ["Ada <ada@münchen.de>", "Ada <ada@xn--mnchen-3ya.de>"],
    ["ada@例え.テスト", "ada@xn--r8jz45g.xn--zckzah"],
    ["ada@example.com", "ada@example.com"],
    ["ada@bücher", undefined],
    ["ada@büch er.example", undefined],
    ["ada@bücher.example/x", undefined],
    ["ada@[::1]ü", undefined],
    ["ä@bücher.example", undefined],
    ["ada@ü.127.0.0.1:80", undefined],
  ])("%s has the domain of %s", (text, ascii) => expect(mailboxFrom(text)).toBe(ascii));

  test("with a domain in another script is accepted; with such letters before the @ it is refused with the reason", () => {
    expect(email).toTake({ to: "ada@bücher.example", subject: "s", text: "t" });
    expect(email).toRefuse({ to: "adä@example.com", subject: "s", text: "t" }, "payload.to");
    const from = checkPayload(email, { to: "a@b.example", from: "adä@example.com", subject: "s", text: "t" });
    expect(JSON.stringify(from)).toContain("letters before the @ that are not ASCII");
    expect(JSON.stringify(from)).not.toContain("adä@");
  });

  test("never holds what could start another header", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "@", ".", "b", "\r", "\n", "<", ">", '"', " ", ",", "\u2028", "\u0000") });
    fc.assert(fc.property(text, (each) => !isMailbox(each) || !/[\p{Cc}\u2028]/u.test(each)));
  });
});

describe("attachments", () => {
  test.each([
    [[{ key: "../other/secret.pdf" }]],
    [[{ key: "a", filename: "a/b" }]],
    [[{ key: "a", filename: 'a"\r\nX: y' }]],
    [[{ key: "a", filename: "invoice\u202egpj.exe" }]],
    [[{ key: "a", filename: " .. " }]],
    [[]],
    [[{ key: "a", size: 1 }]],
  ])("%j are refused", (attachments) => {
    const issues = checkPayload(email, { to: "ada@example.com", subject: "s", text: "t", attachments });
    expect(issues).toMatchObject({ ok: false, issues: [{ path: expect.stringMatching(/^payload\.attachments/) }] });
  });
});
