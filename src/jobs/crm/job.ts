import * as v from "valibot";
import { about, entityKey, latestTime } from "../../domain/events/entity";
import { defineJob } from "../../queue/job";
import { personal } from "../../queue/personal";

const contact = {
  email: v.pipe(
    v.string("must be text"),
    v.maxLength(254, "must have at most 254 characters"),
    v.regex(/^[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;]+$/, "must be an e-mail address"),
    personal(),
  ),
  properties: v.pipe(
    v.record(
      v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_]{0,99}$/, "must be a property's internal name")),
      v.pipe(v.string("must be text"), v.maxLength(65_536)),
    ),
    v.maxEntries(200, "may be at most 200"),
    personal(),
  ),
  about,
};

const payload = v.strictObject({
  ...contact,
  // Which word of which thing this is: with it the newest word wins, in whatever order jobs come.
  order: v.optional(
    v.strictObject({
      entity: entityKey,
      at: v.pipe(v.number(), v.integer(), v.minValue(0, "must not be negative"), v.maxValue(latestTime, "is too late")),
      event: v.pipe(v.string(), v.maxLength(700)),
    }),
  ),
});

export const crm = defineJob({
  type: "crm",
  payload,
  // The order of words is told by our own events alone.
  senderPayload: v.strictObject(contact),
  result: v.object({ id: v.nullable(v.string()), created: v.boolean() }),
  queue: "deliveries",
  needs: ["crm", "facts"],
  gates: ["crm"],
  entities: ({ about: keys }) => keys ?? [],
  policy: { maxAttempts: 10, backoff: { base: 10, cap: 3600 }, timeout: 60 },
});
