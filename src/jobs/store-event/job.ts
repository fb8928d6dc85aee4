import * as v from "valibot";
import { entitiesField, latestTime } from "../../domain/events/entity";
import { boundedText, jsonObject } from "../../bounded";
import { defineJob } from "../../queue/job";
import { personal } from "../../masking/personal";

const payload = v.strictObject({
  // The entity of the event; an event without one is stored under its own id.
  entity: boundedText(256, { min: 1 }),
  event: boundedText(700),
  type: boundedText(128),
  at: v.pipe(v.number(), v.integer(), v.minValue(0, "must not be negative"), v.maxValue(latestTime, "is too late")),
  data: v.pipe(jsonObject(), personal()),
  about: entitiesField,
});

export const storeEvent = defineJob({
  type: "store-event",
  internal: true,
  payload,
  result: v.object({ stored: v.boolean() }),
  queue: "events",
  needs: ["facts"],
  entities: ({ about: keys }) => keys ?? [],
  policy: { maxAttempts: 20, backoff: { base: 2, cap: 600 }, concurrency: 20 },
});
