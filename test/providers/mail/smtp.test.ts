import PostalMime from "postal-mime";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MailFailure, MailMessage } from "../../../src/providers/mail/mail";
import { toMime } from "../../../src/providers/mail/smtp/mime";
import { smtp, type SmtpOptions } from "../../../src/providers/mail/smtp/smtp";
import { message } from "./conformance";
import type { Connect } from "../../../src/providers/mail/smtp/session";
import { type Says, scripted, type Scripted } from "./smtp-scripted";

const now = Date.UTC(2026, 9, 30, 23, 0, 0);
const one: MailMessage = { ...message, to: ["Ada Lovelace <ada@example.com>"] };

interface How {
  mail?: MailMessage;
  server?: Scripted;
  options?: Partial<SmtpOptions>;
  signal?: AbortSignal;
}

async function send(says: Says, { mail = message, server = scripted(says), options = {}, signal = new AbortController().signal }: How = {}) {
  const calls: string[] = [];
  const usual = { connect: server.connect, host: "mail.example.com", port: 587, tls: "starttls" as const, username: "acme", password: "geheim-password" };
  const provider = smtp({ ...usual, now: () => now, refused: () => undefined, onResult: (call) => void calls.push(call), ...options });
  return { reply: await provider.send(mail, { idempotencyKey: "job-1:send:0", signal }), calls, ...server };
}

const at =
  (command: string, answer: string | null): Says =>
  (line, { body }) =>
    body ? (command === "." && line === "." ? answer : undefined) : line.startsWith(command) && command !== "." ? answer : undefined;

describe("a transaction", () => {
  test("goes over TLS, logs in, names every recipient and hands the mail over once", async () => {
    const { reply, lines, connected, calls } = await send(() => undefined);
    expect(reply).toEqual({ ok: true, value: { id: expect.stringMatching(/^[0-9a-f]{32}@example\.com$/), alias: "4WxYz12345" } });
    expect(connected).toEqual([{ hostname: "mail.example.com", port: 587, secureTransport: "starttls" }]);
    const login = btoa("\0acme\0geheim-password");
    const commands = lines.filter((line) => /^(?:EHLO|STARTTLS|AUTH|MAIL|RCPT|DATA|\.$|QUIT)/.test(line));
    expect(commands).toEqual([
      "EHLO example.com",
      "STARTTLS",
      "EHLO example.com",
      `AUTH PLAIN ${login}`,
      "MAIL FROM:<shop@example.com>",
      "RCPT TO:<ada@example.com>",
      "RCPT TO:<grace@example.org>",
      "DATA",
      ".",
      "QUIT",
    ]);
    expect(calls).toEqual(["answered"]);
  });

  test("is the same bytes on every try, its id made from the key", async () => {
    const [first, second] = [await send(() => undefined), await send(() => undefined)];
    expect(first.lines).toEqual(second.lines);
  });

  test("an old server that does not support EHLO is greeted with HELO", async () => {
    const { reply, lines } = await send(at("EHLO", "502 not implemented"), { options: { tls: "none", username: undefined, password: undefined } });
    expect([reply.ok, lines.includes("HELO example.com")]).toEqual([true, true]);
  });

  test("logs in by LOGIN where that is offered alone", async () => {
    const says: Says = (line) =>
      line.startsWith("EHLO")
        ? "250-mail.example\r\n250 AUTH LOGIN"
        : line === "AUTH LOGIN" || line === btoa("acme")
          ? "334 VXNlcm5hbWU6"
          : line === btoa("geheim-password")
            ? "235 ok"
            : undefined;
    expect((await send(says, { options: { tls: "implicit" } })).reply.ok).toBe(true);
  });

  test("an international domain travels in ASCII; letters that cannot are refused before any call", async () => {
    const to = ["Ada <ada@grüße.example>", '"ada@grüße.example" <$&.ada@grüße.example>'];
    const { lines } = await send(() => undefined, { mail: { ...one, to } });
    expect(lines).toContain("RCPT TO:<ada@xn--gre-6ka8l.example>");
    expect(lines).toContain("RCPT TO:<$&.ada@xn--gre-6ka8l.example>");
    const { reply, connected } = await send(() => undefined, { mail: { ...one, to: ["größe@example.com"] } });
    expect([reply, connected]).toMatchObject([{ failure: { class: "permanent" } }, []]);
  });
});

describe("every answer ends in its class", () => {
  const suppressed = [{ address: "ada@example.com", suppress: true }];
  const kept = [{ address: "ada@example.com", suppress: false }];
  test.each<[string, string | null, Omit<MailFailure, "reason" | "code" | "providerMessage">]>([
    ["EHLO", "421 4.3.2 Service not available", { class: "transient" }],
    ["STARTTLS", "454 4.7.0 TLS not available", { class: "transient" }],
    ["AUTH", "535 5.7.8 Authentication credentials invalid", { class: "config" }],
    ["AUTH", "534 5.7.9 Application-specific password required", { class: "config" }],
    ["AUTH", "454 4.7.0 Temporary authentication failure", { class: "transient" }],
    ["MAIL", "530 5.7.0 Authentication required", { class: "config" }],
    ["AUTH", "538 5.7.11 Encryption required", { class: "config" }],
    ["MAIL", "554 5.7.8 Credentials of the sender are not good", { class: "config" }],
    ["MAIL", "421 4.7.0 Too many messages", { class: "transient" }],
    ["MAIL", "452 4.3.1 Insufficient system storage", { class: "transient" }],
    ["MAIL", "451 4.7.1 Greylisted", { class: "transient" }],
    ["MAIL", "553 5.7.1 Sender address rejected", { class: "permanent" }],
    ["MAIL", "454 Throttling failure: Maximum sending rate exceeded.", { class: "limited", retryAfter: 10 }],
    ["MAIL", "454 Throttling failure: Daily message quota exceeded.", { class: "limited", retryAfter: 3600 }],
    ["RCPT", "450 4.2.0 Mailbox busy", { class: "transient" }],
    ["RCPT", "452 4.2.2 Mailbox full", { class: "transient", retryAfter: 86_400 }],
    ["RCPT", "550 5.1.1 User unknown", { class: "permanent", refused: suppressed }],
    ["RCPT", "550 5.1.10 Null MX", { class: "permanent", refused: suppressed }],
    ["RCPT", "550 5.1.2 Bad destination system", { class: "permanent", refused: suppressed }],
    ["RCPT", "451 4.7.1 Greylisted", { class: "transient" }],
    ["RCPT", "550 5.1.3 Bad address syntax", { class: "permanent", refused: suppressed }],
    ["RCPT", "551 5.1.6 Moved away", { class: "permanent", refused: suppressed }],
    ["RCPT", "552 5.2.2 Mailbox full", { class: "transient", retryAfter: 86_400 }],
    ["RCPT", "554 5.7.1 Blocked by policy", { class: "permanent", refused: kept }],
    ["RCPT", "550 no", { class: "permanent", refused: kept }],
    ["DATA", "451 4.3.0 Try later", { class: "transient" }],
    ["DATA", "554 5.5.1 No valid recipients", { class: "permanent" }],
    [".", "421 4.3.0 Closing", { class: "transient" }],
    [".", "452 4.3.1 Out of space", { class: "transient" }],
    [".", "552 5.3.4 Message too big", { class: "permanent" }],
    [".", "554 5.7.1 Spam", { class: "permanent" }],
    [".", "550 5.7.26 Sender is not authenticated", { class: "permanent" }],
    [".", "454 Throttling failure: Daily message quota exceeded.", { class: "limited", retryAfter: 3600 }],
    [".", "554 Message rejected: Sending paused for this account. For more information, see the help.", { class: "config" }],
    ["MAIL", "554 Message rejected: Email address is not verified.", { class: "permanent" }],
    [".", "550 5.1.1 User unknown", { class: "permanent", refused: suppressed }],
    ["EHLO", null, { class: "transient" }],
    ["RCPT", null, { class: "transient" }],
    ["DATA", null, { class: "transient" }],
    [".", null, { class: "uncertain" }],
    [".", "this is no SMTP", { class: "uncertain" }],
    [".", "354 go on", { class: "uncertain" }],
    ["MAIL", `250 ${"x".repeat(20_000)}`, { class: "transient" }],
    ["EHLO", Array(9000).fill("250-").join("\r\n"), { class: "transient" }],
  ])("%s answered by %.40s", async (command, answer, expected) => {
    const { reply } = await send(at(command, answer), { mail: one });
    const { reason, code: _, providerMessage, ...failure } = reply.ok ? { reason: "", code: "" } : reply.failure;
    expect(failure).toEqual(expected);
    const [, status, text] = /^([45]\d\d(?: \d\.\d+\.\d+)?) (.+)$/.exec(answer ?? "") ?? [];
    if (status !== undefined) expect(reason).toMatch(new RegExp(`^SMTP: ${status} to the [a-z]+$`));
    expect(providerMessage).toBe(text);
    for (const secret of ["ada@example.com", "geheim-password", "4711"]) expect(reason).not.toContain(secret);
  });

  test("any positive answer after the final dot means that the mail was taken; a plain word is no queue id", async () => {
    expect((await send(at(".", "251 message accepted"))).reply).toEqual({ ok: true, value: { id: expect.any(String) } });
  });

  test.each([
    ["never opens", () => new Promise<never>(() => undefined)],
    ["is refused", () => Promise.reject(new Error("refused"))],
  ])("a connection that %s is closed: the runtime allows few at once", async (_what, opened) => {
    const { connect, closed } = scripted();
    const server = { ...scripted(), connect: ((to, how) => ({ ...connect(to, how), opened: opened() })) as Connect };
    const { reply } = await send(() => undefined, { server, options: { timeLimit: 30 } });
    expect([reply, closed()]).toMatchObject([{ failure: { class: "transient" } }, 1]);
  });

  test("a greeting that refuses is of configuration, one that asks to come later is not", async () => {
    const greeted = async (greeting: string | null) => (await send(() => undefined, { server: scripted(undefined, greeting) })).reply;
    expect(await greeted("554 5.7.1 your address is blocked")).toMatchObject({ failure: { class: "config" } });
    expect(await greeted("421 too many connections")).toMatchObject({ failure: { class: "transient" } });
    expect(await greeted(null)).toMatchObject({ failure: { class: "transient" } });
  });

  test("a server without STARTTLS or a way to log in is a matter of configuration, and sees no password", async () => {
    const bare = await send(at("EHLO", "250 mail.example"));
    expect(bare.reply).toMatchObject({ failure: { class: "config", reason: expect.stringContaining("STARTTLS") } });
    expect(bare.lines.join("\n")).not.toContain("AUTH");
    const other = await send(at("EHLO", "250-mail.example\r\n250 AUTH GSSAPI"), { options: { tls: "implicit" } });
    expect(other.reply).toMatchObject({ failure: { class: "config", reason: expect.stringContaining("AUTH") } });
  });

  test("of several recipients a wrong one is left out; one that is refused for now makes all wait", async () => {
    const wrong = await send(at("RCPT TO:<ada", "550 5.1.1 User unknown"));
    expect(wrong.reply).toMatchObject({ ok: true, value: { refused: suppressed } });
    const later = await send(at("RCPT TO:<grace", "451 4.7.1 Greylisted"));
    expect([later.reply, later.lines.includes("DATA")]).toMatchObject([{ failure: { class: "transient" } }, false]);
  });

  test.each<[what: string, Says, string?]>([
    ["greets twice", () => undefined, "220 mail.example\r\n250 hello"],
    ["logs in before the password", at("EHLO", "250 AUTH PLAIN\r\n235 ok")],
    ["answers a command twice", at("MAIL", "250 ok\r\n250 ok")],
    ["takes the mail before it came", at("DATA", "354 go on\r\n250 2.0.0 Ok: queued as 4WxYz12345")],
    ["begins a further reply", at("RCPT", "250 ok\r\n25")],
  ])("a server that %s is not believed, and nothing was done", async (_what, says, greeting) => {
    const { reply, lines } = await send(says, { mail: one, server: scripted(says, greeting), options: { tls: "implicit" } });
    expect(reply).toMatchObject({ failure: { class: "transient", reason: expect.stringContaining("before it was asked") } });
    expect(lines).not.toContain(".");
  });

  test("what a server says in clear behind its answer to STARTTLS is not read as if it came over TLS", async () => {
    const { reply, lines } = await send(at("STARTTLS", "220 go\r\n250 injected"));
    expect(reply).toMatchObject({ failure: { class: "transient" } });
    expect(lines.join("\n")).not.toContain("AUTH");
  });

  test("a reply too many that comes late never counts as the one to the mail", async () => {
    const late: Says = (line, { body }) => (!body && line.startsWith("MAIL") ? "250 ok" : undefined);
    const server = scripted(late);
    const { connect } = server;
    // A second reply to MAIL, sent as soon as the next command is on its way.
    const shifted: Connect = (to, how) => {
      const socket = connect(to, how);
      const readable = socket.readable.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            const text = new TextDecoder().decode(chunk);
            controller.enqueue(new TextEncoder().encode(server.lines.at(-1)?.startsWith("RCPT") ? `250 again\r\n${text}` : text));
          },
        }),
      );
      return { ...socket, readable };
    };
    const { reply } = await send(late, { mail: one, server: { ...server, connect: shifted }, options: { tls: "implicit" } });
    expect(reply.ok).toBe(false);
  });

  test("a time-out before the final dot is no effect; after it the effect is uncertain", async () => {
    expect((await send(at("RCPT", "never"), { options: { timeLimit: 30 } })).reply).toMatchObject({ failure: { class: "transient" } });
    const { reply, calls } = await send(at(".", "never"), { options: { timeLimit: 1000 } });
    expect([reply, calls]).toMatchObject([{ failure: { class: "uncertain" } }, ["transient"]]);
  });

  test("stops with the run, and is no failure of the server", async () => {
    const run = new AbortController();
    const says: Says = (line) => (line.startsWith("RCPT") ? (queueMicrotask(() => run.abort(new Error("cancelled"))), "never") : undefined);
    const { reply, calls } = await send(says, { signal: run.signal });
    expect([reply, calls]).toMatchObject([{ failure: { class: "transient" } }, []]);
  });

  test("a server that may not be called is not", async () => {
    const { reply, connected } = await send(() => undefined, { options: { refused: () => "must have a public host" } });
    expect([reply, connected]).toMatchObject([{ failure: { class: "config" } }, []]);
  });
});

describe("the message", () => {
  const parsed = (mail: MailMessage) => PostalMime.parse(toMime(mail, { messageId: "1@example.com", date: now }));

  test("reads as it was written, attachments included", async () => {
    const read = await parsed({ ...message, subject: "Größe 😀 ".repeat(40).trim(), from: "Größe, GmbH <shop@example.com>" });
    expect(read).toMatchObject({
      from: { name: "Größe, GmbH", address: "shop@example.com" },
      to: [
        { name: "Ada Lovelace", address: "ada@example.com" },
        { name: "", address: "grace@example.org" },
      ],
      replyTo: [{ address: "help@example.com" }],
      subject: "Größe 😀 ".repeat(40).trim(),
      date: "2026-10-30T23:00:00.000Z",
      messageId: "<1@example.com>",
      html: expect.stringContaining(message.html ?? ""),
      text: expect.stringContaining(message.text ?? ""),
    });
    const [file] = read.attachments;
    expect([file?.filename, file?.mimeType, [...new Uint8Array(file?.content as ArrayBuffer)]]).toEqual(["Größe.txt", "text/plain", [1, 2, 250]]);
    expect(read.headers.find(({ key }) => key === "list-unsubscribe")?.value).toBe("<https://jobs.example.com/u/1>");
  });

  test("a long header stays readable: folded before spaces, and refused where a word fits no line", async () => {
    const long = Array.from({ length: 12 }, (_, index) => `<https://jobs.example.com/u/${"x".repeat(100)}${index}>`).join(",  ");
    const headers = { "List-Unsubscribe": long, "X-Short": "a  b", "X-Spaces": `${"  a".repeat(50)}  ` };
    const source = toMime({ ...one, subject: "word ".repeat(190).trim(), headers }, { messageId: "1@b.example", date: 0 });
    expect(source).not.toContain("=?");
    expect(source.split("\r\n").every((each) => each.length <= 150 && /^\S|^ +\S|^$/.test(each))).toBe(true);
    expect(source.replaceAll(/\r\n(?= )/g, "")).toContain(`\r\nList-Unsubscribe: ${long}\r\n`);
    expect(source.replaceAll(/\r\n(?= )/g, "")).toContain(`\r\nX-Spaces: ${"  a".repeat(50)}  \r\n`);
    const { reply, connected } = await send(() => undefined, { mail: { ...one, headers: { "X-Word": "x".repeat(1000) } } });
    expect([reply, connected]).toMatchObject([{ failure: { class: "permanent", reason: expect.stringContaining("header 1") } }, []]);
  });

  test("a long file name comes back, in lines that every server takes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme", minLength: 1, maxLength: 400 }), async (text) => {
        const filename = `${text.toWellFormed().replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "")}.pdf`;
        const file = { filename, contentType: "application/pdf", content: new Uint8Array([1]) };
        const source = toMime({ ...one, attachments: [file] }, { messageId: "1@b.example", date: 0 });
        expect(source.split("\r\n").every((each) => each.length <= 78)).toBe(true);
        expect((await PostalMime.parse(source)).attachments[0]?.filename).toBe(filename);
      }),
      { numRuns: 40 },
    );
  });

  test("any text comes back, in lines that every server takes, without a dot alone", async () => {
    const line = fc.string({ unit: "grapheme" }).map((text) => text.toWellFormed().replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ""));
    const body = fc.string({ unit: fc.oneof(fc.constantFrom(".", "\r\n", "\n", "a", "=", "--=_", "From "), fc.string({ unit: "grapheme", maxLength: 3 })) });
    await fc.assert(
      fc.asyncProperty(line, body, line, async (subject, text, name) => {
        const source = toMime(
          { from: "a@b.example", to: ["c@d.example"], subject, text: text.toWellFormed(), headers: { "X-Name": name } },
          { messageId: "1@b.example", date: 0 },
        );
        expect(source).toMatch(/^[\x20-\x7e\r\n]*$/);
        const lines = source.split("\r\n");
        expect(lines.every((each) => each.length <= 998 && !each.includes("\n") && !each.startsWith("."))).toBe(true);
        const read = await PostalMime.parse(source);
        expect((read.subject ?? "").trim()).toBe(subject.trim());
        expect((read.text ?? "").replace(/\r?\n$/, "").replaceAll("\r\n", "\n")).toBe(text.toWellFormed().replaceAll("\r\n", "\n").replace(/\n$/, ""));
      }),
      { numRuns: 60 },
    );
  });
});
