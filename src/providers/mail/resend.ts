import { sha256Hex } from "../../crypto";
import type { Failure } from "../../queue/effect";
import { failed, ok } from "../../queue/effect";
import type { Http, HttpAnswer } from "../http";
import { codeIn, quoted } from "../../masking/provider-text";
import { headerNumber, retryAfter } from "../retry-after";
import { statusFailure } from "../status";
import { toBase64 } from "../../base64";
import { recordOf } from "../../json/record";
import type { MailBatchItem, MailMessage, MailProvider, SendOptions } from "./mail";
import { untilNextDay, untilNextMonth } from "../quota";
import { daySeconds } from "../../time/day";

interface ResendOptions {
  http: Http;
  apiKey: string;
  /** Default https://api.resend.com. */
  baseUrl?: string | undefined;
  /** Milliseconds of the Worker's clock; quotas end with the day or month. */
  now: () => number;
}

/**
 * Mail by the HTTP API of Resend, or a compatible one. An idempotency key is valid for 24 h, and until then any try may be repeated. A server error
 * or a lost answer is `uncertain`, and a retry with the same key settles it.
 * Source: Resend's API reference, errors and idempotency keys.
 */
export function createResend(options: ResendOptions): MailProvider {
  return {
    name: "resend",
    idempotentFor: daySeconds,
    takesBulk: true,
    send: async (message, sendOptions) => {
      const reply = await callResend(options, "/emails", toJson(message), sendOptions);
      if (!reply.ok) return reply;
      if (!isSuccess(reply.value)) return failed(resendFailure(reply.value, options));
      const id = idIn(recordOf(reply.value.json()));
      return id === undefined ? failed(withoutId(reply.value)) : ok({ id });
    },
    sendBatch: async (messages, sendOptions) => {
      const reply = await callResend(options, "/emails/batch", messages.map(toJson), sendOptions, { "x-batch-validation": "permissive" });
      if (!reply.ok) return reply;
      if (!isSuccess(reply.value)) return failed(resendFailure(reply.value, options));
      const items = itemsOf(reply.value, messages.length, [options.apiKey]);
      return items ? ok(items) : failed(withoutId(reply.value));
    },
  };
}

async function callResend(options: ResendOptions, path: string, body: unknown, { idempotencyKey, signal }: SendOptions, more: Record<string, string> = {}) {
  const reply = await options.http({
    method: "POST",
    url: `${(options.baseUrl ?? "https://api.resend.com").replace(/\/$/, "")}${path}`,
    headers: {
      authorization: `Bearer ${options.apiKey}`,
      "content-type": "application/json",
      accept: "application/json",
      "idempotency-key": await sendableKey(idempotencyKey),
      ...more,
    },
    body: JSON.stringify(body),
    signal,
  });
  return reply.ok ? reply : failed({ ...reply.failure, reason: `mail: ${reply.failure.reason}` });
}

function toJson({ from, to, subject, html, text, replyTo, headers, attachments }: MailMessage) {
  const files = attachments?.map(({ filename, contentType, content }) => ({ filename, content: toBase64(content), content_type: contentType }));
  return { from, to, subject, html, text, reply_to: replyTo, headers, attachments: files?.length ? files : undefined };
}

/** The API accepts 1 to 256 characters. */
async function sendableKey(key: string): Promise<string> {
  return /^[\x21-\x7e]{1,256}$/.test(key) ? key : sha256Hex(key);
}

function isSuccess({ status }: HttpAnswer): boolean {
  return status >= 200 && status <= 299;
}

function idIn(value: Record<string, unknown>): string | undefined {
  const id = value["id"];
  return typeof id === "string" && id !== "" && id.length <= 256 ? id : undefined;
}

function withoutId({ status }: HttpAnswer): Failure {
  return { class: "uncertain", reason: `mail: answered ${status} without a message id` };
}

/** `data` has the ids of the accepted mails, in order; `errors` names the others by index. */
function itemsOf(answer: HttpAnswer, count: number, secrets: readonly string[]): MailBatchItem[] | undefined {
  const { data, errors } = recordOf(answer.json());
  if (!Array.isArray(data)) return undefined;
  const errorAt = new Map((Array.isArray(errors) ? errors : []).map(recordOf).map(({ index, message }) => [index, message]));
  const ids = data.map((each) => idIn(recordOf(each)));
  if (ids.length + errorAt.size !== count || ids.includes(undefined)) return undefined;
  return Array.from({ length: count }, (_, index): MailBatchItem => {
    if (!errorAt.has(index)) return { ok: true, id: ids.shift() ?? "" };
    const reason = `mail: ${answer.status} validation_error`;
    return { ok: false, failure: { class: "permanent", code: "validation_error", reason, ...quoted(errorAt.get(index), secrets) } };
  });
}

function resendFailure(answer: HttpAnswer, options: ResendOptions): Failure {
  const now = options.now();
  const body = recordOf(answer.json());
  const name = codeIn(body["name"]);
  const usual = statusFailure(answer.status, answer.headers, { repeatable: false, now });
  const special = name === undefined ? undefined : byName(answer, name, now);
  const reason = `mail: ${answer.status}${name ? ` ${name}` : ""}`;
  return { ...usual, ...special, reason, ...quoted(body["message"], [options.apiKey]), code: name ?? String(answer.status) };
}

/** The class where the error's name decides, not the status. */
function byName(answer: HttpAnswer, name: string, now: number): Pick<Failure, "class" | "retryAfter" | "inDoubt"> | undefined {
  switch (`${answer.status} ${name}`) {
    case "409 concurrent_idempotent_requests":
      return { class: "transient", retryAfter: retryAfter(answer.headers, now) ?? 5 };
    // The key was used with other content: that mail was sent, so this one must not be, not even under another key.
    case "409 invalid_idempotent_request":
      return { class: "permanent", inDoubt: true };
    case "429 rate_limit_exceeded":
      return { class: "limited", retryAfter: Math.max(1, retryAfter(answer.headers, now) ?? resetOf(answer.headers)) };
    case "429 daily_quota_exceeded":
      return { class: "limited", retryAfter: untilNextDay(now) };
    case "429 monthly_quota_exceeded":
      return { class: "limited", retryAfter: untilNextMonth(now) };
    default:
      return undefined;
  }
}

/** `ratelimit-reset` is a delta in seconds; the limit is per second, so it is never long. */
function resetOf(headers: Headers): number {
  return Math.min(60, Math.ceil(headerNumber(headers.get("ratelimit-reset")) ?? 1));
}
