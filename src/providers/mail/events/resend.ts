import type { MailEvent, MailEventKind } from "./event";
import { mailboxAddress, namesAddress } from "../mailbox";
import { type ReportFields, fieldsIn, maxEventRecipients, messageIdIn, textIn } from "./fields";

const kinds: Readonly<Record<string, MailEventKind>> = {
  "email.delivered": "delivered",
  "email.delivery_delayed": "deferred",
  "email.bounced": "bounced",
  "email.failed": "rejected",
  "email.suppressed": "rejected",
  "email.complained": "complained",
};

/**
 * The events of Resend's webhook; `id` is that of the signed message. An event names all recipients of its mail: a bounce or complaint
 * about one of several suppresses only those that its text names, and none when it names none.
 */
export function eventsOfResend(body: ReportFields, id: string): MailEvent[] {
  const type = textIn(body, "type") ?? "";
  const kind = Object.hasOwn(kinds, type) ? kinds[type] : undefined;
  if (!kind) return [];
  const data = fieldsIn(body, "data");
  const { bounce, detail } = bounceOf(type, data);
  const listed = Array.isArray(data["to"]) ? data["to"] : [data["to"]];
  const all = listed.slice(0, maxEventRecipients).flatMap((each) => (typeof each === "string" ? [mailboxAddress(each)] : []));
  const to = all.length > 1 && kind !== "delivered" ? all.filter((address) => namesAddress(detail ?? "", address)) : all;
  return to.map((recipient) => ({ id, kind, class: bounce, messageId: messageIdIn(data, "email_id"), recipient, detail }));
}

function bounceOf(type: string, data: ReportFields): { bounce: string | undefined; detail: string | undefined } {
  if (type === "email.suppressed") return { bounce: "suppressed", detail: textIn(fieldsIn(data, "suppressed"), "message") };
  if (type === "email.failed") return { bounce: undefined, detail: textIn(fieldsIn(data, "failed"), "reason") };
  if (type !== "email.bounced") return { bounce: undefined, detail: undefined };
  const bounce = fieldsIn(data, "bounce");
  return { bounce: textIn(bounce, "type")?.toLowerCase() === "permanent" ? "hard" : "soft", detail: textIn(bounce, "message") };
}
