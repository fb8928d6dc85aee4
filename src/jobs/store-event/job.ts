import * as v from "valibot";
import { about, latestTime } from "../../domain/events/entity";
import { defineJob } from "../../queue/job";
import { personal } from "../../queue/personal";

const payload = v.strictObject({
  // The thing it is about; an event that is about nothing known is kept under its own id.
  entity: v.pipe(v.string(), v.minLength(1), v.maxLength(256)),
  event: v.pipe(v.string(), v.maxLength(700)),
  type: v.pipe(v.string(), v.maxLength(128)),
  at: v.pipe(v.number(), v.integer(), v.minValue(0, "must not be negative"), v.maxValue(latestTime, "is too late")),
  data: v.pipe(v.record(v.string(), v.unknown()), personal()),
  about,
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
