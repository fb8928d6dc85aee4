import * as v from "valibot";
import { Problem, wrongInput } from "../../errors";
import { bareAddress, mailbox, mailboxFrom } from "../../domain/mail/mailbox";
import { email } from "../../jobs/email/job";
import { boundedList, checkedLater, jsonObject } from "../../bounded";
import { check } from "../../queue/validate";
import type { EnqueueRequest, Refused } from "../../queue/request";
import { largeBody } from "../body";
import { entryKey, idempotencyHeader, idempotencyKey, readIdempotencyKey } from "../idempotency";
import { route } from "../route";
import { batchShape } from "../shapes";
import { enqueueAll } from "./enqueue";

const maxRecipients = 10_000;

/** Characters of the shared content times the number of recipients. */
const maxExpanded = 20_000_000;

/** One address: a list in `to` would be one mail to several people. */
const recipient = v.strictObject({ to: mailbox, variables: v.optional(jsonObject()), idempotencyKey: v.optional(idempotencyKey) });

/** The fields of an `email` job without `to`. Their content is validated with each recipient's mail. */
const bulkRequest = v.looseObject({
  recipients: boundedList(checkedLater(recipient), maxRecipients, { min: 1, rule: "must hold 1 to 10,000 recipients" }),
  variables: v.optional(jsonObject()),
});

type SharedContent = { [field: string]: unknown; variables?: Record<string, unknown> | undefined };

export const emailBulkRoutes = [
  route("POST /v1/email/bulk", {
    name: "sendBulkEmail",
    summary: "Enqueue one mail for each of up to 10,000 recipients; with an idempotency key the list may be sent again safely",
    description: "The body has the fields of an `email` job but `to`, and the recipients. The answer is that of a batch of jobs.",
    scope: "enqueue",
    headers: {
      [idempotencyHeader]:
        "Of each recipient without a key of its own the key becomes {this}:{address}, or its hash beyond 256 characters: 1 to 256 characters, in quotes or bare",
    },
    body: { schema: bulkRequest, limit: largeBody, jsonCheckedLater: true },
    answers: { 202: batchShape },
    problems: [429],
    handle: async ({ deps, tenant, request, body, bodyLength }) => {
      const listKey = readIdempotencyKey(request.headers);
      const { recipients, ...mail } = body;
      refuseLarge(JSON.stringify(mail).length * recipients.length);
      const mails = await Promise.all(recipients.map((each) => mailTo(tenant, mail, each, listKey)));
      return enqueueAll(deps, mails, bodyLength);
    },
  }),
];

/** Throws when the shared content, which each recipient's job has, would exceed a Worker's memory. */
function refuseLarge(characters: number): void {
  if (characters <= maxExpanded) return;
  throw new Problem("too-large", `The mail is too large for so many recipients: its content is stored with each. Put the content into a template.`);
}

/** The job of one recipient, of priority `low` unless the list names another. A recipient's variables override those of the mail. */
async function mailTo(tenant: string, mail: SharedContent, given: unknown, listKey: string | undefined): Promise<EnqueueRequest | Refused> {
  const checked = check(recipient, given);
  if (!checked.ok) return { ok: false, code: "invalid", detail: wrongInput("The recipient", checked.issues), errors: checked.issues };
  const { to, variables, idempotencyKey: own } = checked.value;
  const key = own ?? (listKey === undefined ? undefined : await entryKey(listKey, normalized(to)));
  const merged = mail.variables || variables ? { variables: { ...mail.variables, ...variables } } : {};
  return { tenant, type: email.type, payload: { priority: "low", ...mail, ...merged, to }, key };
}

/** Equal for each spelling of the address, with or without a name. */
function normalized(to: string): string {
  return bareAddress(mailboxFrom(to) ?? to).toLowerCase();
}
