import { recordOf } from "../../json/record";
import { failed, ok } from "../../queue/effect";
import type { CallResult } from "../../queue/ports/gates";
import { messageOf } from "../../errors";
import { unlessAborted } from "../body";
import { quoted } from "../../masking/provider-text";
import type { MailFailure, MailMessage, MailProvider } from "./mail";
import { mailboxAddress, mailboxOf } from "./mailbox";
import { untilNextDay } from "../quota";

/** The `send_email` binding, as far as it is used. */
export interface EmailBinding {
  send(mail: CloudflareMail): Promise<{ messageId: string }>;
}

interface CloudflareMail {
  from: CloudflareAddress;
  to: string[];
  subject: string;
  replyTo?: CloudflareAddress;
  html?: string;
  text?: string;
  headers?: Record<string, string>;
  attachments?: { filename: string; type: string; disposition: "attachment"; content: Uint8Array<ArrayBuffer> }[];
}

type CloudflareAddress = string | { email: string; name: string };

interface CloudflareOptions {
  /** Undefined where the Worker has no such binding. */
  binding: EmailBinding | undefined;
  now: () => number;
  /** Receives the result of each call, for the circuit breaker. */
  onResult?: ((result: CallResult) => void) | undefined;
}

/**
 * Mail by Cloudflare Email Service, for transactional mail only, without idempotency keys.
 * An error has a code, which is the reason; their text may name the recipient and is quoted separately.
 */
export function createCloudflareMail(options: CloudflareOptions): MailProvider {
  return {
    name: "cloudflare",
    idempotentFor: 0,
    takesBulk: false,
    send: async (message, { signal }) => {
      const { binding, onResult } = options;
      if (!binding) return failed({ class: "config", reason: "Cloudflare Email Service: this Worker has no send_email binding named EMAIL" });
      try {
        const { messageId } = await unlessAborted(binding.send(toMail(message)), signal);
        onResult?.("answered");
        if (typeof messageId === "string" && messageId !== "" && messageId.length <= 256) return ok({ id: messageId.replace(/^<(.*)>$/, "$1") });
        return failed({ class: "uncertain", reason: "Cloudflare Email Service: answered without a message id" });
      } catch (thrown) {
        const failure = failureOf(thrown, message, options.now());
        if (!signal.aborted) onResult?.(failure.class === "uncertain" ? "transient" : "answered");
        return failed(failure);
      }
    },
  };
}

function toMail({ from, to, replyTo, subject, html, text, headers, attachments }: MailMessage): CloudflareMail {
  const files = attachments?.map(({ filename, contentType, content }) => ({ filename, type: contentType, disposition: "attachment" as const, content }));
  return {
    from: named(from),
    to: to.map(mailboxAddress),
    subject,
    ...(replyTo === undefined ? {} : { replyTo: named(replyTo) }),
    ...(html === undefined ? {} : { html }),
    ...(text === undefined ? {} : { text }),
    ...(headers === undefined ? {} : { headers: { ...headers } }),
    ...(files?.length ? { attachments: files } : {}),
  };
}

function named(mailbox: string): CloudflareAddress {
  const { name, address } = mailboxOf(mailbox);
  return name === undefined ? address : { email: address, name };
}

function failureOf(thrown: unknown, message: MailMessage, now: number): MailFailure {
  const thrownCode = recordOf(thrown)["code"];
  const code = typeof thrownCode === "string" && /^E_[A-Z_]{1,60}$/.test(thrownCode) ? thrownCode : undefined;
  const quote = quoted(messageOf(thrown));
  const reason = `Cloudflare Email Service: ${code ?? "failed without a code"}`;
  if (code === undefined) return { class: "uncertain", reason, ...quote };
  return { ...classOf(code, message, now), reason, ...quote, code };
}

function classOf(code: string, { to }: MailMessage, now: number): Pick<MailFailure, "class" | "retryAfter" | "refused"> {
  switch (code) {
    case "E_RATE_LIMIT_EXCEEDED":
      return { class: "limited", retryAfter: 60 };
    case "E_DAILY_LIMIT_EXCEEDED":
      return { class: "limited", retryAfter: untilNextDay(now) };
    case "E_SENDER_NOT_VERIFIED":
    case "E_SENDER_DOMAIN_NOT_AVAILABLE":
    case "E_RECIPIENT_NOT_ALLOWED":
      return { class: "config" };
    case "E_RECIPIENT_SUPPRESSED":
      // It does not name the refused one of several recipients.
      return { class: "permanent", ...(to.length === 1 ? { refused: to.map((each) => ({ address: mailboxAddress(each), suppress: true })) } : {}) };
    default:
      return { class: isOfMessage(code) ? "permanent" : "uncertain" };
  }
}

function isOfMessage(code: string): boolean {
  return refusals.has(code) || code.startsWith("E_HEADER_") || code.startsWith("E_HEADERS_");
}

const refusals: ReadonlySet<string> = new Set([
  "E_VALIDATION_ERROR",
  "E_FIELD_MISSING",
  "E_TOO_MANY_RECIPIENTS",
  "E_TOO_MANY_ATTACHMENTS",
  "E_CONTENT_TOO_LARGE",
]);
