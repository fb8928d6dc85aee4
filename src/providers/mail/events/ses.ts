import type { MailEvent, MailEventKind } from "./event";
import { type ReportFields, fieldsIn, listIn, messageIdIn, textIn } from "./fields";

const kinds: Readonly<Record<string, MailEventKind>> = {
  Delivery: "delivered",
  DeliveryDelay: "deferred",
  Bounce: "bounced",
  Complaint: "complained",
  Reject: "rejected",
};

/** The events of a notification of Amazon SES; `id` is that of the SNS message. Empty for any other body, such as the test that SES sends. */
export function eventsOfSes(body: ReportFields, id: string): MailEvent[] {
  const type = textIn(body, "notificationType") ?? textIn(body, "eventType") ?? "";
  const kind = Object.hasOwn(kinds, type) ? kinds[type] : undefined;
  if (!kind) return [];
  const bounce = fieldsIn(body, "bounce");
  const mail = fieldsIn(body, "mail");
  // An `Undetermined` bounce may be transient.
  const hard = textIn(bounce, "bounceType")?.toLowerCase() === "permanent" ? "hard" : "soft";
  return recipientsOf(kind, body).map(({ address, detail }) => ({
    id,
    kind,
    class: kind === "bounced" ? hard : undefined,
    messageId: messageIdIn(mail, "messageId"),
    recipient: address,
    detail,
  }));
}

function recipientsOf(kind: MailEventKind, body: ReportFields): { address: string; detail: string | undefined }[] {
  const named = (list: ReportFields[]) =>
    list.flatMap((each) => {
      const address = textIn(each, "emailAddress", 320);
      return address === undefined ? [] : [{ address, detail: textIn(each, "diagnosticCode") }];
    });
  if (kind === "bounced") return named(listIn(fieldsIn(body, "bounce"), "bouncedRecipients"));
  if (kind === "complained") return named(listIn(fieldsIn(body, "complaint"), "complainedRecipients"));
  if (kind === "deferred") return named(listIn(fieldsIn(body, "deliveryDelay"), "delayedRecipients"));
  const list = kind === "delivered" ? fieldsIn(body, "delivery")["recipients"] : fieldsIn(body, "mail")["destination"];
  return (Array.isArray(list) ? list : []).slice(0, 50).flatMap((each) => (typeof each === "string" ? [{ address: each, detail: undefined }] : []));
}
