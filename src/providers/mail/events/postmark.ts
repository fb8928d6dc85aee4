import type { MailEvent } from "./event";
import { type ReportFields, messageIdIn, textIn } from "./fields";

/** Types of Postmark's `Bounce` after which the address accepts no mail. */
const hard: ReadonlySet<string> = new Set(["HardBounce", "BadEmailAddress", "ManuallyDeactivated"]);

/** The events of Postmark's webhook. They have no id: it is made of the identifying fields, without the recipient. */
export function eventsOfPostmark(body: ReportFields): MailEvent[] {
  const record = textIn(body, "RecordType") ?? "";
  const recipient = textIn(body, "Email") ?? textIn(body, "Recipient");
  const event = recipient === undefined ? undefined : whatOf(record, body);
  if (!event || recipient === undefined) return [];
  const messageId = messageIdIn(body, "MessageID");
  const number = typeof body["ID"] === "number" ? body["ID"] : "";
  const when = textIn(body, "BouncedAt") ?? textIn(body, "DeliveredAt") ?? textIn(body, "ChangedAt") ?? "";
  return [{ id: ["postmark", record, messageId ?? "", number, when].join(":"), messageId, recipient, ...event }];
}

function whatOf(record: string, body: ReportFields): Pick<MailEvent, "kind" | "class" | "detail"> | undefined {
  const detail = textIn(body, "Details") ?? textIn(body, "Description");
  if (record === "Delivery") return { kind: "delivered" };
  if (record === "SpamComplaint") return { kind: "complained", detail };
  if (record === "Bounce") return ofBounce(textIn(body, "Type") ?? "", detail);
  if (record !== "SubscriptionChange" || body["SuppressSending"] !== true) return undefined;
  const reason = textIn(body, "SuppressionReason");
  if (reason === "HardBounce") return { kind: "bounced", class: "hard" };
  return reason === "SpamComplaint" ? { kind: "complained" } : { kind: "unsubscribed" };
}

function ofBounce(type: string, detail: string | undefined): Pick<MailEvent, "kind" | "class" | "detail"> {
  if (type === "SpamComplaint" || type === "SpamNotification")
    return type === "SpamComplaint" ? { kind: "complained", detail } : { kind: "bounced", class: "soft", detail };
  if (type === "Unsubscribe") return { kind: "unsubscribed", detail };
  return { kind: "bounced", class: hard.has(type) ? "hard" : "soft", detail };
}
