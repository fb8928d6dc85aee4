import { quoted } from "../../../masking/provider-text";
import type { MailFailure } from "../mail";
import { untilNextDay } from "../../quota";
import type { SmtpReply } from "./session";
import { daySeconds } from "../../../time/day";

/** The command that the server refused. */
export type SmtpStep = "greeting" | "hello" | "tls" | "login" | "sender" | "recipient" | "data" | "body";

/** A full mailbox is tried again after this. */
const fullMailboxSeconds = daySeconds;

/** Addresses that do not exist (RFC 3463): wrong mailbox, wrong domain, moved without forwarding, no mail accepted (RFC 7505). */
const noSuchAddress: ReadonlySet<string> = new Set(["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"]);

/** Whether the reply means that the address permanently accepts no mail. A policy (5.7.x) or a full mailbox (5.2.2) does not. */
export function isBadAddress({ code, enhanced }: SmtpReply): boolean {
  return code >= 500 && enhanced !== undefined && noSuchAddress.has(enhanced);
}

/** The class of a refusal. `secrets` are texts that the server may echo. Source: RFC 5321 §4.2, RFC 3463, RFC 4954; the texts are those of Amazon SES. */
export function mailRefusal(step: SmtpStep, reply: SmtpReply, secrets: readonly string[], now: number): MailFailure {
  const { code, enhanced, text } = reply;
  const reason = `SMTP: ${code}${enhanced === undefined ? "" : ` ${enhanced}`} to the ${step}`;
  return { ...classOf(step, reply, now), reason, ...quoted(text, secrets), code: enhanced ?? String(code) };
}

function classOf(step: SmtpStep, reply: SmtpReply, now: number): Pick<MailFailure, "class" | "retryAfter"> {
  const { code, enhanced = "", text } = reply;
  if (/daily message quota exceeded/i.test(text)) return { class: "limited", retryAfter: untilNextDay(now) };
  if (/maximum sending rate exceeded/i.test(text)) return { class: "limited", retryAfter: 10 };
  if (code < 500) return /^4\.2\.2$/.test(enhanced) ? { class: "transient", retryAfter: fullMailboxSeconds } : { class: "transient" };
  if (isOfConfiguration(step, reply)) return { class: "config" };
  if (enhanced === "5.2.2") return { class: "transient", retryAfter: fullMailboxSeconds };
  return { class: "permanent" };
}

/** The server refuses every mail until a setting changes: credentials, TLS, a blocked address. */
function isOfConfiguration(step: SmtpStep, { code, enhanced, text }: SmtpReply): boolean {
  if (/sending (?:is )?(?:paused|suspended|disabled)/i.test(text)) return true;
  if (["greeting", "hello", "tls", "login"].includes(step)) return true;
  return [530, 534, 535, 538].includes(code) || enhanced === "5.7.8" || enhanced === "5.7.9" || enhanced === "5.7.11";
}
