import { sha256Hex } from "../../../crypto";
import type { Failure } from "../../../queue/effect";
import { failed, ok } from "../../../queue/effect";
import type { CallResult } from "../../../queue/ports/gates";
import { toBase64 } from "../../../base64";
import type { MailFailure, MailMessage, MailProvider, MailReply, RefusedRecipient, SendOptions } from "../mail";
import { mailboxAddress, asciiMailbox, personalOf } from "../mailbox";
import { fitsLines, toMime } from "./mime";
import { isBadAddress, mailRefusal, type SmtpStep } from "./refusal";
import { type Connect, openSmtpSession, SmtpLost, type SmtpReply, type SmtpSession } from "./session";

/** `implicit`: TLS from the first byte (port 465). `starttls`: after a command, never without. `none`: a developer's machine only. */
type SmtpTls = "implicit" | "starttls" | "none";

export interface SmtpOptions {
  connect: Connect;
  host: string;
  port: number;
  tls: SmtpTls;
  username?: string | undefined;
  password?: string | undefined;
  now: () => number;
  /** Why the server may not be called; undefined when it may. Checked before each connection. */
  refused: () => string | undefined;
  /** Receives the result of each call, for the circuit breaker. */
  onResult?: ((result: CallResult) => void) | undefined;
  /** Milliseconds for the whole transaction. Default 25,000. */
  timeLimit?: number | undefined;
}

/**
 * Mail over SMTP (RFC 5321), one connection a mail, without idempotency: after the final dot is sent, a lost answer is uncertain;
 * before it nothing was done. The Message-ID derives from the idempotency key, so that both copies have the same.
 */
export function createSmtp(options: SmtpOptions): MailProvider {
  return {
    name: "smtp",
    idempotentFor: 0,
    takesBulk: true,
    send: async (message, sendOptions) => {
      const refusal = options.refused();
      if (refusal !== undefined) return failed({ class: "config", reason: `SMTP: the server ${refusal}` });
      if (!isAscii(message)) return failed({ class: "permanent", reason: "SMTP: an address with other letters than ASCII before its @ cannot be sent to" });
      const long = Object.entries(message.headers ?? {}).findIndex(([name, value]) => /^[\x20-\x7e]*$/.test(value) && !fitsLines(name, value));
      if (long >= 0) return failed({ class: "permanent", reason: `SMTP: header ${long + 1} has a word that is too long for a line of a mail: 998 characters` });
      if (sendOptions.signal.aborted) return failed({ class: "transient", reason: "SMTP: the run had ended before the call" });
      const limit = new AbortController();
      const timer = setTimeout(() => limit.abort(new Error("time limit")), options.timeLimit ?? 25_000);
      try {
        return await deliver(asciiMessage(message), sendOptions, AbortSignal.any([sendOptions.signal, limit.signal]), options);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Thrown by a refused step, caught in `deliver`. */
class Refused extends Error {
  override readonly name = "Refused";
  constructor(readonly failure: MailFailure) {
    super(failure.reason);
  }
}

/** The message with its domains in ASCII: `grüße.example` is `xn--gre-8ka….example`. */
function asciiMessage(message: MailMessage): MailMessage {
  const { from, to, replyTo } = message;
  return { ...message, from: asciiMailbox(from), to: to.map(asciiMailbox), replyTo: replyTo === undefined ? undefined : asciiMailbox(replyTo) };
}

function isAscii({ from, to, replyTo }: MailMessage): boolean {
  return [from, ...to, replyTo ?? ""].every((each) => /^[\x21-\x7e]*$/.test(mailboxAddress(asciiMailbox(each))));
}

interface Transaction {
  message: MailMessage;
  options: SmtpOptions;
  idempotencyKey: string;
  /** The final dot was sent: only an answer decides now. */
  dotted: boolean;
  session: SmtpSession | undefined;
}

async function deliver(message: MailMessage, { idempotencyKey, signal: run }: SendOptions, signal: AbortSignal, options: SmtpOptions): Promise<MailReply> {
  const transaction: Transaction = { message, options, idempotencyKey, dotted: false, session: undefined };
  try {
    const reply = ok(await transact(transaction, signal));
    options.onResult?.("answered");
    return reply;
  } catch (thrown) {
    const failure = thrown instanceof Refused ? thrown.failure : lostConnection(thrown, transaction.dotted);
    if (!run.aborted) options.onResult?.(thrown instanceof Refused ? "answered" : "transient");
    return failed(failure);
  } finally {
    await transaction.session?.end();
  }
}

/** The runtime's error text is not kept, since its content is not guaranteed. */
function lostConnection(thrown: unknown, dotted: boolean): Failure {
  const reason = thrown instanceof SmtpLost ? thrown.message : "the connection failed";
  return dotted ? { class: "uncertain", reason: `SMTP: ${reason} after the mail was handed over` } : { class: "transient", reason: `SMTP: ${reason}` };
}

async function transact(transaction: Transaction, signal: AbortSignal) {
  const { message, options, idempotencyKey } = transaction;
  const { connect, host, port, tls } = options;
  const secureTransport = tls === "implicit" ? "on" : tls === "starttls" ? "starttls" : "off";
  const session = await openSmtpSession(connect({ hostname: host, port }, { secureTransport, allowHalfOpen: false }), signal);
  transaction.session = session;
  await greet(session, transaction);
  await expect("sender", transaction, 2, await session.command(`MAIL FROM:<${mailboxAddress(message.from)}>`));
  const refused = await nameRecipients(session, transaction);
  await expect("data", transaction, 3, await session.command("DATA"));
  const domain = mailboxAddress(message.from).split("@").at(-1) ?? "localhost";
  const messageId = `${await sha256Hex(idempotencyKey, 32)}@${domain}`;
  // No line of the body begins with a dot: folded header lines begin with a space, the rest is base64.
  await session.write(toMime(message, { messageId, date: options.now() }).replaceAll(/^\./gm, ".."));
  await session.refuseEarlyReply();
  transaction.dotted = true;
  const answer = await expect("body", transaction, 2, await session.command("\r\n."));
  const alias = queueIdIn(answer);
  return { id: messageId, ...(alias === undefined ? {} : { alias }), ...(refused.length > 0 ? { refused } : {}) };
}

async function greet(session: SmtpSession, transaction: Transaction): Promise<void> {
  const { message, options } = transaction;
  await expect("greeting", transaction, 2, await session.reply());
  const name = mailboxAddress(message.from).split("@").at(-1) ?? "localhost";
  let offers = await hello(session, transaction, name);
  if (options.tls === "starttls") {
    if (!/^STARTTLS\b/im.test(offers)) throw refusedBy("config", "SMTP: the server offers no STARTTLS");
    await expect("tls", transaction, 2, await session.command("STARTTLS"));
    session.startTls();
    offers = await hello(session, transaction, name);
  }
  if (options.username !== undefined) await logIn(session, transaction, offers);
}

async function hello(session: SmtpSession, transaction: Transaction, name: string): Promise<string> {
  const answer = await session.command(`EHLO ${name}`);
  if (answer.code === 500 || answer.code === 502) return (await expect("hello", transaction, 2, await session.command(`HELO ${name}`))).text;
  return (await expect("hello", transaction, 2, answer)).text;
}

async function logIn(session: SmtpSession, transaction: Transaction, offers: string): Promise<void> {
  const { username = "", password = "" } = transaction.options;
  const mechanisms = (/^AUTH[ =](.*)$/im.exec(offers)?.[1] ?? "").toUpperCase().split(/\s+/);
  if (mechanisms.includes("PLAIN")) {
    await expect("login", transaction, 2, await session.command(`AUTH PLAIN ${encoded(`\0${username}\0${password}`)}`));
  } else if (mechanisms.includes("LOGIN")) {
    await expect("login", transaction, 3, await session.command("AUTH LOGIN"));
    await expect("login", transaction, 3, await session.command(encoded(username)));
    await expect("login", transaction, 2, await session.command(encoded(password)));
  } else {
    throw refusedBy("config", "SMTP: the server offers neither AUTH PLAIN nor AUTH LOGIN");
  }
}

/** Invalid addresses are omitted while at least one is valid. A temporarily refused address delays the whole mail, so that it is sent once. */
async function nameRecipients(session: SmtpSession, transaction: Transaction): Promise<RefusedRecipient[]> {
  const { message, options } = transaction;
  const refused: (RefusedRecipient & { failure: MailFailure })[] = [];
  for (const address of message.to.map(mailboxAddress)) {
    const answer = await session.command(`RCPT TO:<${address}>`);
    if (answer.code < 300) continue;
    const failure = mailRefusal("recipient", answer, knownTo(transaction), options.now());
    if (failure.class !== "permanent") throw new Refused(failure);
    refused.push({ address, suppress: isBadAddress(answer), failure });
  }
  const named = refused.map(({ address, suppress }) => ({ address, suppress }));
  const [first] = refused;
  if (first && refused.length === message.to.length) throw new Refused({ ...first.failure, refused: named });
  return named;
}

/** Returns a reply whose first digit is `kind` (RFC 5321 §4.2.1); throws the refusal for any other. */
async function expect(step: SmtpStep, transaction: Transaction, kind: 2 | 3, reply: SmtpReply): Promise<SmtpReply> {
  if (Math.floor(reply.code / 100) === kind) return reply;
  // After the final dot, an answer that is no refusal leaves it uncertain whether the mail was accepted.
  if (step === "body" && reply.code < 400) throw new SmtpLost(`the server answered ${reply.code}`);
  const failure = mailRefusal(step, reply, knownTo(transaction), transaction.options.now());
  const [only, ...others] = transaction.message.to;
  const suppress = step === "body" && only !== undefined && others.length === 0 && isBadAddress(reply);
  throw new Refused(suppress ? { ...failure, refused: [{ address: mailboxAddress(only), suppress }] } : failure);
}

function refusedBy(kind: Failure["class"], reason: string): Refused {
  return new Refused({ class: kind, reason });
}

function knownTo({ message, options }: Transaction): string[] {
  return [...personalOf(message), ...[message.from, ...message.to].map(mailboxAddress), options.username ?? "", options.password ?? ""];
}

/** `250 Ok 0100018c…-000000` (SES), `250 2.0.0 Ok: queued as 4WxYz` (Postfix): the last word that looks like an id: one with a digit. */
function queueIdIn({ text }: SmtpReply): string | undefined {
  const last = /(?:^|\s)<?([\w.@-]{6,200})>?\s*$/.exec(text)?.[1];
  return last !== undefined && /\d/.test(last) ? last : undefined;
}

function encoded(text: string): string {
  return toBase64(new TextEncoder().encode(text));
}
