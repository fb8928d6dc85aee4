import * as v from "valibot";
import { entitiesField } from "../../domain/events/entity";
import { attachments } from "../../domain/mail/attachments";
import { mailbox } from "../../domain/mail/mailbox";
import { templateId } from "../../domain/mail/model";
import { boundedList, boundedText, fieldRule, jsonObject, outputList } from "../../bounded";
import { defineJob } from "../../queue/job";
import { personal } from "../../masking/personal";

const body = v.pipe(boundedText(1_000_000, { min: 1 }), personal());

const fields = v.strictObject({
  to: v.pipe(v.union([mailbox, boundedList(mailbox, 50, { min: 1, rule: "must name 1 to 50 recipients" })], recipientsWrong), personal()),
  subject: v.optional(v.pipe(boundedText(998, { min: 1 }), personal())),
  templateId: v.optional(templateId),
  html: v.optional(body),
  text: v.optional(body),
  variables: v.optional(v.pipe(jsonObject(), personal())),
  priority: v.optional(v.picklist(["high", "normal", "low"], "must be high, normal or low"), "normal"),
  from: v.optional(v.pipe(mailbox, personal())),
  replyTo: v.optional(v.pipe(mailbox, personal())),
  attachments: v.optional(v.pipe(attachments, personal())),
  about: entitiesField,
});

function recipientsWrong(): string {
  return "must be an address, as ada@example.com or Ada <ada@example.com>, or a list of up to 50";
}

// Rules about fields, checked even when another field is invalid. After an issue, later rules about the same field are skipped.
const payload = v.pipe(
  fields,
  fieldRule(
    ["templateId", "subject"],
    ({ templateId, subject }) => templateId !== undefined || subject !== undefined,
    "is needed without a template",
    "subject",
  ),
  fieldRule(
    ["templateId", "html", "text"],
    ({ templateId, html, text }) => templateId !== undefined || html !== undefined || text !== undefined,
    "one of templateId, html and text is needed",
    "templateId",
  ),
  fieldRule(["templateId", "html"], ({ templateId, html }) => templateId === undefined || html === undefined, "not together with templateId", "html"),
  fieldRule(["templateId", "text"], ({ templateId, text }) => templateId === undefined || text === undefined, "not together with templateId", "text"),
);

export const email = defineJob({
  type: "email",
  payload,
  // `skipped`: recipients without a mail, and why.
  result: v.object({
    messageId: v.nullable(v.string()),
    skipped: v.optional(outputList(v.object({ address: v.pipe(v.string(), personal()), reason: v.string() }))),
  }),
  queue: { queues: ["email-sending", "email-bulk"], route: ({ priority }) => (priority === "low" ? "email-bulk" : "email-sending") },
  needs: ["mail", "templates", "suppressions", "attachments"],
  gates: ["mail"],
  urgent: ({ priority }) => priority === "high",
  entities: ({ about: keys }) => keys ?? [],
  // All attempts end well within the 24 hours for which a provider keeps the idempotency key.
  oneEffect: true,
  policy: { maxAttempts: 8, backoff: { base: 10, cap: 3600, min: 60 }, timeout: 30, concurrency: 10 },
});
