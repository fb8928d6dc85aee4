import * as v from "valibot";
import { about } from "../../domain/events/entity";
import { templateId } from "../../domain/mail/template";
import { defineJob } from "../../queue/job";
import { personal } from "../../queue/personal";
import { isMailbox } from "./mailbox";

// The messages are ours: the library's own repeat the address they refuse.
const mailbox = v.pipe(v.string("must be text"), v.check(isMailbox, "must be an address, as ada@example.com or Ada <ada@example.com>"));
const body = v.pipe(
  v.string("must be text"),
  v.minLength(1, "must not be empty"),
  v.maxLength(1_000_000, "must have at most 1,000,000 characters"),
  personal(),
);

const fields = v.strictObject({
  to: v.pipe(
    v.union([mailbox, v.pipe(v.array(mailbox), v.minLength(1, "must name a recipient"), v.maxLength(50, "must name at most 50 recipients"))], recipientsWrong),
    personal(),
  ),
  subject: v.optional(v.pipe(v.string("must be text"), v.minLength(1, "must not be empty"), v.maxLength(998, "must have at most 998 characters"), personal())),
  templateId: v.optional(templateId),
  html: v.optional(body),
  text: v.optional(body),
  variables: v.optional(v.pipe(v.record(v.string(), v.unknown()), personal())),
  priority: v.optional(v.picklist(["high", "normal", "low"], "must be high, normal or low"), "normal"),
  from: v.optional(v.pipe(mailbox, personal())),
  replyTo: v.optional(v.pipe(mailbox, personal())),
  about,
});

function recipientsWrong(): string {
  return "must be an address, as ada@example.com or Ada <ada@example.com>, or a list of up to 50";
}

// Partial checks, so that they are heard even when another field is wrong; one that finds a fault silences those after it that look at the same field.
const payload = v.pipe(
  fields,
  v.forward(
    v.partialCheck(
      [["templateId"], ["subject"]],
      ({ templateId, subject }) => templateId !== undefined || subject !== undefined,
      "is needed without a template",
    ),
    ["subject"],
  ),
  v.forward(
    v.partialCheck(
      [["templateId"], ["html"], ["text"]],
      ({ templateId, html, text }) => templateId !== undefined || html !== undefined || text !== undefined,
      "one of templateId, html and text is needed",
    ),
    ["templateId"],
  ),
  v.forward(
    v.partialCheck([["templateId"], ["html"]], ({ templateId, html }) => templateId === undefined || html === undefined, "not together with templateId"),
    ["html"],
  ),
  v.forward(
    v.partialCheck([["templateId"], ["text"]], ({ templateId, text }) => templateId === undefined || text === undefined, "not together with templateId"),
    ["text"],
  ),
);

export const email = defineJob({
  type: "email",
  payload,
  result: v.object({ messageId: v.nullable(v.string()) }),
  queue: { queues: ["email-sending", "email-bulk"], route: ({ priority }) => (priority === "low" ? "email-bulk" : "email-sending") },
  needs: ["mail", "templates"],
  gates: ["mail"],
  entities: ({ about: keys }) => keys ?? [],
  // Together well within the 24 hours for which a provider knows the idempotency key.
  policy: { maxAttempts: 8, backoff: { base: 10, cap: 3600 }, timeout: 30, concurrency: 10 },
});
