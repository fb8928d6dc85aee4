import type { MailEvent, MailEventKind } from "./event";
import { recordOf } from "../../../json/record";
import { fieldsIn, messageIdIn, textIn } from "./fields";

const kinds: Readonly<Record<string, MailEventKind>> = {
  delivered: "delivered",
  deferred: "deferred",
  bounced: "bounced",
  failed: "rejected",
  rejected: "rejected",
  complained: "complained",
};

const prefix = "cf.email.sending.message.";

/** An event of Cloudflare Email Service with its mail and time (milliseconds; NaN where it is missing). */
interface CloudflareEvent extends MailEvent {
  messageId: string;
  happened: number;
}

/** The event in a message of the subscription `email.sending`; undefined for any other body, open tracking included. */
export function eventOfCloudflare(body: unknown): CloudflareEvent | undefined {
  const event = recordOf(body);
  const type = textIn(event, "type") ?? "";
  const name = type.startsWith(prefix) ? type.slice(prefix.length) : "";
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  const payload = fieldsIn(event, "payload");
  const [id, messageId, recipient] = [textIn(payload, "eventId", 200), messageIdIn(payload, "messageId"), textIn(payload, "recipient", 320)];
  if (!kind || !id || !messageId || !recipient) return undefined;
  const bounce = fieldsIn(payload, "bounce");
  const delivery = fieldsIn(payload, "delivery");
  const rejection = fieldsIn(payload, "rejection");
  const suppressed = kind === "rejected" && textIn(rejection, "reason") === "suppressed" && textIn(rejection, "party") !== "sender";
  return {
    id,
    kind,
    class: kind === "bounced" ? (textIn(bounce, "type") === "hard" ? "hard" : "soft") : suppressed ? "suppressed" : undefined,
    messageId,
    recipient,
    detail: textIn(delivery, "smtpResponse") ?? textIn(bounce, "reason") ?? textIn(rejection, "detail"),
    happened: Date.parse(textIn(fieldsIn(event, "metadata"), "eventTimestamp") ?? ""),
  };
}
