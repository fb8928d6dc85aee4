import type { Failure } from "../../queue/effect";
import { failed, ok } from "../../queue/effect";
import type { Http, HttpAnswer } from "../http";
import { quoted } from "../../masking/provider-text";
import { retryAfter } from "../retry-after";
import { statusFailure } from "../status";
import { toBase64 } from "../../base64";
import type { MailFailure, MailMessage, MailProvider, MailReply, RefusedRecipient } from "./mail";
import { mailboxAddress, namesAddress } from "./mailbox";
import { recordOf } from "../../json/record";

interface PostmarkOptions {
  http: Http;
  serverToken: string;
  /** Default https://api.postmarkapp.com. */
  baseUrl?: string | undefined;
  /** Message stream of mail that is not bulk. Default `outbound`. */
  stream?: string | undefined;
  /** Message stream of bulk mail. Default `broadcast`. */
  bulkStream?: string | undefined;
  now: () => number;
}

/**
 * Mail by the API of Postmark, without idempotency keys: a call without an answer stays uncertain.
 * The batch call has none either, so it is not used.
 * Source: Postmark's API reference, API error codes.
 */
export function createPostmark(options: PostmarkOptions): MailProvider {
  return {
    name: "postmark",
    idempotentFor: 0,
    takesBulk: true,
    send: async (message, { signal }) => {
      const reply = await options.http({
        method: "POST",
        url: `${(options.baseUrl ?? "https://api.postmarkapp.com").replace(/\/$/, "")}/email`,
        headers: { "x-postmark-server-token": options.serverToken, "content-type": "application/json", accept: "application/json" },
        body: JSON.stringify(toJson(message, options)),
        signal,
      });
      if (!reply.ok) return failed({ ...reply.failure, reason: `Postmark: ${reply.failure.reason}` });
      return readAnswer(reply.value, message, options);
    },
  };
}

function toJson({ from, to, replyTo, subject, html, text, headers, attachments, bulk }: MailMessage, { stream, bulkStream }: PostmarkOptions) {
  return {
    From: from,
    To: to.join(", "),
    ReplyTo: replyTo,
    Subject: subject,
    HtmlBody: html,
    TextBody: text,
    MessageStream: bulk ? (bulkStream ?? "broadcast") : (stream ?? "outbound"),
    Headers: Object.entries(headers ?? {}).map(([Name, Value]) => ({ Name, Value })),
    Attachments: (attachments ?? []).map(({ filename, contentType, content }) => ({ Name: filename, Content: toBase64(content), ContentType: contentType })),
  };
}

function readAnswer(answer: HttpAnswer, message: MailMessage, options: PostmarkOptions): MailReply {
  const body = recordOf(answer.json());
  const code = typeof body["ErrorCode"] === "number" ? body["ErrorCode"] : undefined;
  const serverMessage = typeof body["Message"] === "string" ? body["Message"] : "";
  const success = answer.status >= 200 && answer.status <= 299;
  if (!success || (code !== undefined && code !== 0)) return failed(postmarkFailure(answer, code, serverMessage, message, options));
  const id = body["MessageID"];
  if (typeof id !== "string" || id === "" || id.length > 256)
    return failed({ class: "uncertain", reason: `Postmark: answered ${answer.status} without a message id` });
  // "Message OK, but will not deliver to these inactive addresses: …"
  const inactive = /inactive/i.test(serverMessage) ? inactiveIn(serverMessage, message) : [];
  return ok({ id, ...(inactive.length > 0 ? { refused: inactive } : {}) });
}

function postmarkFailure(answer: HttpAnswer, code: number | undefined, serverMessage: string, message: MailMessage, options: PostmarkOptions): MailFailure {
  const now = options.now();
  const usual = statusFailure(answer.status === 200 ? 422 : answer.status, answer.headers, { repeatable: false, now });
  const special = byCode(answer, code, now);
  const refused = code === 406 ? inactiveIn(serverMessage, message) : [];
  return {
    ...usual,
    ...special,
    reason: `Postmark: ${answer.status}${code === undefined ? "" : ` error ${code}`}`,
    ...quoted(serverMessage, [options.serverToken]),
    code: String(code ?? answer.status),
    ...(refused.length > 0 ? { refused } : {}),
  };
}

/** The class where Postmark's code decides, not the status. */
function byCode({ status, headers }: HttpAnswer, code: number | undefined, now: number): (Pick<Failure, "class"> & { retryAfter?: number }) | undefined {
  if (code !== undefined && ofConfiguration.has(code)) return { class: "config" };
  if (status === 429 || code === 429) return { class: "limited", retryAfter: Math.max(1, retryAfter(headers, now) ?? 60) };
  // Postmark returns these when it could not accept the mail; 100 is maintenance.
  if (code === 100 || status === 503 || (status === 500 && code !== undefined)) return { class: "transient" };
  return undefined;
}

/** 10 the token; 400, 401 the sender; 405 no credits, 412 and 413 the account; 1235 the message stream. */
const ofConfiguration: ReadonlySet<number> = new Set([10, 400, 401, 405, 412, 413, 1235]);

/** The recipients that a message names as inactive; a single recipient need not be named. */
function inactiveIn(answer: string, { to }: MailMessage): RefusedRecipient[] {
  const named = to.map(mailboxAddress).filter((address) => namesAddress(answer, address));
  const all = named.length === 0 && to.length === 1 ? to.map(mailboxAddress) : named;
  return all.map((address) => ({ address, suppress: true }));
}
