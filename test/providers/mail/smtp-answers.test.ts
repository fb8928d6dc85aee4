import { describe, expect, test } from "vitest";
import type { MailFailure } from "../../../src/providers/mail/mail";
import type { Connect } from "../../../src/providers/mail/smtp/session";
import { type Script, scripted } from "./smtp-scripted";
import { one, send, at } from "./smtp-send";

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

  test.each<[what: string, Script, string?]>([
    ["greets twice", () => undefined, "220 mail.example\r\n250 hello"],
    ["logs in before the password", at("EHLO", "250 AUTH PLAIN\r\n235 ok")],
    ["answers a command twice", at("MAIL", "250 ok\r\n250 ok")],
    ["takes the mail before it came", at("DATA", "354 go on\r\n250 2.0.0 Ok: queued as 4WxYz12345")],
    ["begins a further reply", at("RCPT", "250 ok\r\n25")],
  ])("a server that %s is not believed, and nothing was done", async (_what, script, greeting) => {
    const { reply, lines } = await send(script, { mail: one, server: scripted(script, greeting), options: { tls: "implicit" } });
    expect(reply).toMatchObject({ failure: { class: "transient", reason: expect.stringContaining("before it was asked") } });
    expect(lines).not.toContain(".");
  });

  test("what a server says in clear behind its answer to STARTTLS is not read as if it came over TLS", async () => {
    const { reply, lines } = await send(at("STARTTLS", "220 go\r\n250 injected"));
    expect(reply).toMatchObject({ failure: { class: "transient" } });
    expect(lines.join("\n")).not.toContain("AUTH");
  });

  test("a reply too many that comes late never counts as the one to the mail", async () => {
    const late: Script = (line, { body }) => (!body && line.startsWith("MAIL") ? "250 ok" : undefined);
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
    const script: Script = (line) => (line.startsWith("RCPT") ? (queueMicrotask(() => run.abort(new Error("cancelled"))), "never") : undefined);
    const { reply, calls } = await send(script, { signal: run.signal });
    expect([reply, calls]).toMatchObject([{ failure: { class: "transient" } }, []]);
  });

  test("a server that may not be called is not", async () => {
    const { reply, connected } = await send(() => undefined, { options: { refused: () => "must have a public host" } });
    expect([reply, connected]).toMatchObject([{ failure: { class: "config" } }, []]);
  });
});
