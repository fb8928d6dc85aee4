import * as v from "valibot";
import { entitiesField, entityKey, latestTime } from "../../domain/events/entity";
import { boundedRecord, boundedText } from "../../bounded";
import { plainAddress } from "../../domain/mail/mailbox";
import { defineJob } from "../../queue/job";
import { personal } from "../../masking/personal";

const contact = {
  email: v.pipe(plainAddress, personal()),
  properties: v.pipe(
    boundedRecord(boundedText(100, { pattern: /^[a-z][a-z0-9_]{0,99}$/, rule: "must be a property's internal name" }), boundedText(65_536), 200),
    personal(),
  ),
  about: entitiesField,
};

const payload = v.strictObject({
  ...contact,
  // The entity and the order of its state: the newest state wins, in whatever order jobs run.
  order: v.optional(
    v.strictObject({
      entity: entityKey,
      at: v.pipe(v.number(), v.integer(), v.minValue(0, "must not be negative"), v.maxValue(latestTime, "is too late")),
      event: boundedText(700),
    }),
  ),
});

export const crm = defineJob({
  type: "crm",
  payload,
  // Only our own events give an order.
  senderPayload: v.strictObject(contact),
  result: v.object({ id: v.nullable(v.string()), created: v.boolean() }),
  queue: "deliveries",
  needs: ["crm", "facts"],
  gates: ["crm"],
  entities: ({ about: keys }) => keys ?? [],
  policy: { maxAttempts: 10, backoff: { base: 10, cap: 3600 }, timeout: 60 },
});
