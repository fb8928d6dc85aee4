import type { Failure, Reply } from "../../queue/effect";
import { failed, ok } from "../../queue/effect";
import type { Http, HttpAnswer } from "../http";
import { redact } from "../redact";
import { decimal, retryAfter } from "../retry-after";
import { statusFailure } from "../status";
import type { Mail, MailMessage, SendOptions } from "./mail";

export interface ResendOptions {
  http: Http;
  apiKey: string;
  /** Default https://api.resend.com. */
  baseUrl?: string | undefined;
  from?: string | undefined;
  replyTo?: string | undefined;
  /** Milliseconds of the Worker's clock: quotas end with the day or month. */
  now: () => number;
}

/**
 * Mail by the HTTP API of Resend, or of one that speaks it. A key is honoured for 24 h: until then any try may be repeated,
 * so a server error or a lost answer is `uncertain` here and a retry with the same key settles it.
 * Source: Resend's API reference, errors and idempotency keys.
 */
export function resend(options: ResendOptions): Mail {
  return {
    from: options.from,
    replyTo: options.replyTo,
    idempotentFor: 24 * 3600,
    send: async (message, sendOptions) => {
      const reply = await options.http(await requestOf(message, sendOptions, options));
      if (!reply.ok) return failed({ ...reply.failure, reason: `mail API: ${reply.failure.reason}` });
      return readReply(reply.value, message, options);
    },
  };
}

async function requestOf(message: MailMessage, { idempotencyKey, signal }: SendOptions, options: ResendOptions) {
  const { from, to, subject, html, text, replyTo } = message;
  return {
    method: "POST",
    url: `${(options.baseUrl ?? "https://api.resend.com").replace(/\/$/, "")}/emails`,
    headers: {
      authorization: `Bearer ${options.apiKey}`,
      "content-type": "application/json",
      accept: "application/json",
      "idempotency-key": await sendableKey(idempotencyKey),
    },
    body: JSON.stringify({ from, to, subject, html, text, reply_to: replyTo }),
    signal,
  } as const;
}

/** The API takes 1 to 256 characters. */
async function sendableKey(key: string): Promise<string> {
  if (/^[\x21-\x7e]{1,256}$/.test(key)) return key;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function readReply(answer: HttpAnswer, message: MailMessage, options: ResendOptions): Reply<{ id: string }> {
  const body = recordOf(answer.json());
  if (answer.status < 200 || answer.status > 299) return failed(refusal(answer, body, message, options));
  const id = body["id"];
  if (typeof id === "string" && id !== "" && id.length <= 256) return ok({ id });
  return failed({ class: "uncertain", reason: `mail API: answered ${answer.status} without a message id` });
}

function refusal(answer: HttpAnswer, body: Record<string, unknown>, message: MailMessage, options: ResendOptions): Failure {
  const now = options.now();
  const name = typeof body["name"] === "string" && /^[a-z_]{1,64}$/.test(body["name"]) ? body["name"] : undefined;
  const usual = statusFailure(answer.status, answer.headers, { repeatable: false, now });
  const special = name === undefined ? undefined : byName(answer, name, now);
  const said = typeof body["message"] === "string" ? `: ${redact(body["message"], secretsOf(message, options))}` : "";
  return { ...usual, ...special, reason: `mail API: ${answer.status}${name ? ` ${name}` : ""}${said}`, code: name ?? String(answer.status) };
}

/** Where the name says more than the status does. */
function byName(answer: HttpAnswer, name: string, now: number): (Pick<Failure, "class"> & { retryAfter?: number }) | undefined {
  switch (`${answer.status} ${name}`) {
    case "409 concurrent_idempotent_requests":
      return { class: "transient", retryAfter: retryAfter(answer.headers, now) ?? 5 };
    // The key was used for other content: that mail went out, this one must not.
    case "409 invalid_idempotent_request":
      return { class: "permanent" };
    case "429 rate_limit_exceeded":
      return { class: "limited", retryAfter: Math.max(1, retryAfter(answer.headers, now) ?? resetOf(answer.headers)) };
    case "429 daily_quota_exceeded":
      return { class: "limited", retryAfter: secondsUntil(nextDay(now), now) };
    case "429 monthly_quota_exceeded":
      return { class: "limited", retryAfter: secondsUntil(nextMonth(now), now) };
    default:
      return undefined;
  }
}

/** `ratelimit-reset` is a delta in seconds; the limit is per second, so it is never long. */
function resetOf(headers: Headers): number {
  return Math.min(60, Math.ceil(decimal(headers.get("ratelimit-reset")) ?? 1));
}

function nextDay(now: number): number {
  const date = new Date(now);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + 1);
}

function nextMonth(now: number): number {
  const date = new Date(now);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

function secondsUntil(at: number, now: number): number {
  return Math.max(1, Math.ceil((at - now) / 1000));
}

/** What the API may echo. */
function secretsOf(message: MailMessage, options: ResendOptions): string[] {
  const mailboxes = [message.from, ...message.to, message.replyTo ?? ""];
  return [options.apiKey, message.subject, ...mailboxes, ...mailboxes.map((mailbox) => mailbox.replace(/\s*<[^>]*>$/, "").replaceAll('"', ""))];
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
