import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { attachmentsIn, maxAttachmentBytes } from "../../src/domain/mail/attachments";
import { createTurns } from "../../src/domain/media/turns";
import type { Template } from "../../src/domain/mail/model";
import { email } from "../../src/jobs/email/job";
import { isMailbox, mailboxFrom } from "../../src/domain/mail/mailbox";
import { builtInFrom } from "../../src/domain/mail/built-in";
import { runEmail } from "../../src/jobs/email/run";
import type { Mail, MailMessage, Sent } from "../../src/providers/mail/mail";
import type { Failure, Reply } from "../../src/queue/effect";
import { failed, ok } from "../../src/queue/effect";
import type { InputOf } from "../../src/queue/job";
import { mask, masked } from "../../src/masking/personal";
import { checkPayload } from "../../src/queue/registry";
import { fakeContext } from "./fake-context";
import type { FakeOptions } from "./fake-context";
import { fakeSuppressions } from "./fake-suppressions";

type Input = InputOf<typeof email>;

const welcome: Template = { id: "welcome", version: 2, subject: "Hi {{ name }}", html: "<p>{{ name }} {{ 'now' | date: '%Y' }}</p>", created: 5 };

async function run(
  input: Input,
  {
    reply = ok({ id: "m-1" }),
    mail = {},
    suppressed = {},
    ...options
  }: FakeOptions & { reply?: Reply<Sent>; mail?: Partial<Mail>; suppressed?: Record<string, "bounce" | "unsubscribe"> } = {},
) {
  const sent: { message: MailMessage; idempotencyKey: string }[] = [];
  const asked: unknown[][] = [];
  const base = fakeContext(options);
  const context = {
    ...base,
    mail: {
      idempotentFor: 86_400,
      send: async (message: MailMessage, { idempotencyKey }: { idempotencyKey: string }) => {
        sent.push({ message, idempotencyKey });
        return reply;
      },
      ...mail,
    },
    suppressions: fakeSuppressions(suppressed),
    attachments: attachmentsIn(env.MEDIA, createTurns(), base.tenant),
    templates: {
      at: async (...question: [string, string, number]) => {
        asked.push(question);
        return question[1] === "welcome" ? welcome : null;
      },
    },
  };
  const outcome = await runEmail(v.parse(email.payload, input), context);
  return { outcome, sent, asked, effects: base.effects };
}

function pathsOf(payload: unknown): string[] {
  const checked = checkPayload(email, payload);
  return checked.ok ? [] : checked.issues.map(({ path }) => path);
}

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
  ])("%j is wrong in %j", (payload, paths) => {
    expect(pathsOf(payload).toSorted()).toEqual(paths.toSorted());
  });

  test("no issue repeats what it refuses", () => {
    const checked = checkPayload(email, { to: "ada lovelace@example", from: "ada lovelace@example", subject: "s", text: "t" });
    expect(JSON.stringify(checked)).not.toContain("lovelace@example");
  });

  test.each<Input>([
    good,
    { to: ["Ada Lovelace <ada@example.com>", '"Hopper, Grace" <grace@example.org>'], subject: "s", html: "h", text: "t" },
    { to: "ada@example.com", templateId: "welcome", subject: "s", variables: { a: { b: [1, null] } }, from: "a@b.example", replyTo: "c@d.example" },
  ])("%j is right", (payload) => {
    expect(pathsOf(payload)).toEqual([]);
  });

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

  test("with a domain in another script is taken, with such a name before the sign it is refused and told why", () => {
    const issuesOf = (to: string) => {
      const checked = checkPayload(email, { to, subject: "s", text: "t" });
      return checked.ok ? [] : checked.issues.map(({ path }) => path);
    };
    expect(issuesOf("ada@bücher.example")).toEqual([]);
    expect(issuesOf("adä@example.com")).toEqual(["payload.to"]);
    const from = checkPayload(email, { to: "a@b.example", from: "adä@example.com", subject: "s", text: "t" });
    expect(JSON.stringify(from)).toContain("letters before the @ that are not ASCII");
    expect(JSON.stringify(from)).not.toContain("adä@");
  });

  test("is sent to, and suppressed, by its ASCII form", async () => {
    const { sent } = await run({ to: ["ada@bücher.example", "ADA@xn--bcher-kva.example"], subject: "s", text: "t" });
    expect(sent[0]?.message.to).toEqual(["ADA@xn--bcher-kva.example"]);
  });

  test("never holds what could start another header", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "@", ".", "b", "\r", "\n", "<", ">", '"', " ", ",", "\u2028", "\u0000") });
    fc.assert(fc.property(text, (each) => !isMailbox(each) || !/[\p{Cc}\u2028]/u.test(each)));
  });
});

describe("sending", () => {
  const plain: Input = { to: "ada@example.com", subject: "s", text: "t" };

  test("sends once, under the effect's key", async () => {
    const { outcome, sent, effects } = await run(plain);
    expect(outcome).toMatchObject({ kind: "done", result: { messageId: "m-1" } });
    expect(sent).toEqual([{ message: { from: builtInFrom, to: ["ada@example.com"], subject: "s", text: "t" }, idempotencyKey: "job-1:send:0" }]);
    expect(effects.map(({ key, options }) => [key, options.idempotentFor])).toEqual([["send", 86_400]]);
  });

  test("a redelivery sends nothing and knows the result", async () => {
    const { outcome, sent } = await run(plain, { remembered: { send: { id: "m-0" } } });
    expect([outcome, sent]).toMatchObject([{ kind: "done", result: { messageId: "m-0" } }, []]);
  });

  test("a dry run only says what it would do", async () => {
    const { outcome, sent, effects } = await run(plain, { dryRun: true });
    expect([outcome, sent, effects]).toMatchObject([{ kind: "done", result: { messageId: null } }, [], [{ key: "send", reply: "would do" }]]);
  });

  test.each<[Failure, object]>([
    [
      { class: "transient", reason: "r" },
      { kind: "retry", reason: "r", after: undefined },
    ],
    [
      { class: "transient", reason: "r", retryAfter: 7 },
      { kind: "retry", after: 7 },
    ],
    [{ class: "uncertain", reason: "r" }, { kind: "retry" }],
    [
      { class: "limited", reason: "r", retryAfter: 30 },
      { kind: "wait", until: 2_000 + 30_000 },
    ],
    [
      { class: "permanent", reason: "r" },
      { kind: "discard", reason: "r" },
    ],
    [
      { class: "config", reason: "r" },
      { kind: "discard", reason: "r" },
    ],
  ])("%j", async (failure, outcome) => {
    expect((await run(plain, { reply: failed(failure), at: 1000, now: 2000 })).outcome).toMatchObject(outcome);
  });

  test("sender and reply address: the payload's, else the connection's, else the built-in", async () => {
    const mail = { from: "shop@example.com", replyTo: "help@example.com" };
    const own = await run({ ...plain, from: "a@b.example", replyTo: "c@d.example" }, { mail });
    expect(own.sent[0]?.message).toMatchObject({ from: "a@b.example", replyTo: "c@d.example" });
    expect((await run(plain, { mail })).sent[0]?.message).toMatchObject({ from: "shop@example.com", replyTo: "help@example.com" });
    expect((await run(plain)).sent[0]?.message.replyTo).toBeUndefined();
  });

  test("a suppressed recipient gets nothing, and the job says why", async () => {
    const { outcome, sent } = await run(plain, { suppressed: { "ada@example.com": "bounce" } });
    expect(sent).toEqual([]);
    expect(outcome).toMatchObject({ kind: "done", result: { messageId: null, skipped: [{ address: "ada@example.com", reason: "bounce" }] } });
  });

  test("of several recipients the suppressed one alone is left out, on each try the same", async () => {
    const to = ["ada@example.com", "grace@example.org"];
    const first = await run({ ...plain, to }, { suppressed: { "ada@example.com": "bounce" } });
    expect(first.sent[0]?.message.to).toEqual(["grace@example.org"]);
    expect(first.outcome).toMatchObject({ kind: "done", result: { messageId: "m-1", skipped: [{ address: "ada@example.com", reason: "bounce" }] } });
    // Suppressed since the first try, which may have reached the provider.
    const again = await run(
      { ...plain, to },
      { suppressed: { "grace@example.org": "bounce" }, remembered: { "decide:recipients": [{ index: 0, reason: "bounce" }] } },
    );
    expect(again.sent[0]?.message.to).toEqual(["grace@example.org"]);
  });

  test("none of several recipients gets the mail when the record of who is left out fails", async () => {
    const fails = { "decide:recipients": { class: "uncertain", reason: "unknown whether it was recorded" } } as const;
    const { outcome, sent } = await run(
      { to: ["ada@example.com", "grace@example.org"], subject: "s", text: "t" },
      { fails, suppressed: { "ada@example.com": "bounce" } },
    );
    expect(outcome).toMatchObject({ kind: "retry", reason: "unknown whether it was recorded" });
    expect(sent).toEqual([]);
  });

  test("a recipient that the provider refused is named in the result", async () => {
    const { outcome } = await run({ ...plain, to: ["ada@example.com", "grace@example.org"] }, { reply: ok({ id: "m-1", refused: [1] }) });
    expect(outcome).toMatchObject({ kind: "done", result: { messageId: "m-1", skipped: [{ address: "grace@example.org", reason: "rejected" }] } });
  });

  test("bulk mail carries the headers to unsubscribe and spares who did; other mail does neither", async () => {
    const headers = { "List-Unsubscribe": expect.stringMatching(/^<https:/), "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" };
    const bulk: Input = { ...plain, priority: "low" };
    expect((await run(bulk)).sent[0]?.message).toMatchObject({ bulk: true, headers });
    const several = await run({ ...bulk, to: ["ada@example.com", "grace@example.org"] });
    expect(several.sent[0]?.message).toMatchObject({ bulk: true });
    expect(several.sent[0]?.message.headers).toBeUndefined();
    const suppressed = { "ada@example.com": "unsubscribe" as const };
    expect((await run(bulk, { suppressed })).sent).toEqual([]);
    const { sent } = await run(plain, { suppressed });
    expect([sent.length, sent[0]?.message.headers]).toEqual([1, undefined]);
  });

  test("one mail to each recipient, however often named", async () => {
    const { sent } = await run({ ...plain, to: ["ada@example.com", "Ada <ADA@example.com>", "grace@example.org"] });
    expect(sent[0]?.message.to).toEqual(["Ada <ADA@example.com>", "grace@example.org"]);
  });
});

describe("attachments", () => {
  const bytes = new TextEncoder().encode("%PDF");
  const mail: Input = { to: "ada@example.com", subject: "s", text: "t" };

  test("are read from the tenant's own objects, named by the sender or by their key", async () => {
    await env.MEDIA.put("acme/invoices/7.pdf", bytes, { httpMetadata: { contentType: "application/pdf" } });
    await env.MEDIA.put("acme/terms", bytes);
    const { sent } = await run({ ...mail, attachments: [{ key: "invoices/7.pdf" }, { key: "terms", filename: "Terms & co.txt" }] });
    expect(sent[0]?.message.attachments).toEqual([
      { filename: "7.pdf", contentType: "application/pdf", content: bytes },
      { filename: "Terms & co.txt", contentType: "application/octet-stream", content: bytes },
    ]);
  });

  test("that are not there, another tenant's, or too large are a dead letter, and nothing is sent", async () => {
    await env.MEDIA.put("other/secret.pdf", bytes);
    for (const key of ["nowhere.pdf", "secret.pdf"]) {
      const { outcome, sent } = await run({ ...mail, attachments: [{ key }] });
      expect([outcome, sent]).toMatchObject([{ kind: "discard", reason: "attachment 1: there is no such object" }, []]);
    }
    await env.MEDIA.put("acme/large", new Uint8Array(maxAttachmentBytes / 2 + 1));
    const { outcome, sent } = await run({ ...mail, attachments: [{ key: "large" }, { key: "large" }] });
    expect([outcome, sent]).toMatchObject([{ kind: "discard", reason: expect.stringContaining(`at most ${maxAttachmentBytes} are sent`) }, []]);
  });

  test("are the same in every try: one that was replaced or removed since is a dead letter, one that is new counts for an operator's retry", async () => {
    await env.MEDIA.put("acme/once.pdf", bytes);
    const input: Input = { ...mail, attachments: [{ key: "once.pdf" }] };
    const first = await run(input, { reply: failed({ class: "transient", reason: "503" }) });
    const decided = first.effects.find(({ key }) => key === "decide:attachments")?.reply as { value: unknown };
    expect(decided.value).toEqual([{ etag: expect.any(String), bytes: 4 }]);
    const again = () => run(input, { remembered: { "decide:attachments": decided.value } });
    expect((await again()).sent).toEqual(first.sent);
    await env.MEDIA.put("acme/once.pdf", new TextEncoder().encode("%PDF-2"));
    expect(await again()).toMatchObject({
      outcome: { kind: "discard", reason: "attachment 1: it was replaced or removed since the mail was first tried" },
      sent: [],
    });
    await env.MEDIA.delete("acme/once.pdf");
    expect((await again()).sent).toEqual([]);
  });

  test.each([
    [[{ key: "../other/secret.pdf" }]],
    [[{ key: "a", filename: "a/b" }]],
    [[{ key: "a", filename: 'a"\r\nX: y' }]],
    [[{ key: "a", filename: "invoice\u202egpj.exe" }]],
    [[{ key: "a", filename: " .. " }]],
    [[]],
    [[{ key: "a", size: 1 }]],
  ])("%j is refused", (attachments) => {
    expect(pathsOf({ ...mail, attachments }).every((path) => path.startsWith("payload.attachments"))).toBe(true);
    expect(pathsOf({ ...mail, attachments })).not.toEqual([]);
  });
});

describe("content", () => {
  const at = Date.UTC(2024, 5, 1);

  test("comes from the template as it was when the job was enqueued", async () => {
    const { sent, asked } = await run({ to: "ada@example.com", templateId: "welcome", variables: { name: "A & B" } }, { at, tenant: "shop" });
    expect(asked).toEqual([["shop", "welcome", at]]);
    expect(sent[0]?.message).toMatchObject({ subject: "Hi A & B", html: "<p>A &amp; B 2024</p>" });
  });

  test("the payload's subject goes before the template's", async () => {
    const { sent } = await run({ to: "ada@example.com", templateId: "welcome", subject: "For {{ name }}", variables: { name: "Ada" } });
    expect(sent[0]?.message.subject).toBe("For Ada");
  });

  test.each<[Input, string]>([
    [{ to: "ada@example.com", templateId: "unknown" }, 'there is no template "unknown"'],
    [{ to: "ada@example.com", templateId: "welcome" }, 'subject: line 1, column 7: the variable "name" is not given'],
    [{ to: "ada@example.com", subject: "s", text: "{{ a }}", variables: {} }, 'text: line 1, column 4: the variable "a" is not given'],
  ])("%j is a dead letter at once", async (input, reason) => {
    const { outcome, sent } = await run(input);
    expect([outcome, sent]).toMatchObject([{ kind: "discard", reason }, []]);
  });

  test("the sender's own is Liquid only when variables come with it", async () => {
    const input = { to: "ada@example.com", subject: "{{ a }}", html: "<b>{{ a }}</b>" };
    expect((await run(input)).sent[0]?.message).toMatchObject({ subject: "{{ a }}", html: "<b>{{ a }}</b>" });
    expect((await run({ ...input, variables: { a: "<" } })).sent[0]?.message).toMatchObject({ subject: "<", html: "<b>&lt;</b>" });
  });

  test("is the same on every try", async () => {
    const input: Input = { to: "ada@example.com", templateId: "welcome", variables: { name: "Ada" } };
    const [first, second] = [await run(input, { at, now: at + 1 }), await run(input, { at, now: at + 1e10, attempt: 5 })];
    expect(first.sent).toEqual(second.sent);
  });
});
