import * as v from "valibot";
import { entitiesField } from "../../domain/events/entity";
import { boundedRecord, boundedText } from "../../bounded";
import { defineJob } from "../../queue/job";
import { personal } from "../../masking/personal";

const name = boundedText(64, { pattern: /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/, rule: "must be 1 to 64 letters, digits and . _ : / -" });

const dimensions = v.pipe(
  boundedRecord(name, boundedText(200), 20, { rule: "must have at most 20 dimensions" }),
  // A tenant may put an address into a dimension.
  personal(),
);

const payload = v.strictObject({
  event: name,
  at: v.optional(v.pipe(boundedText(40), v.isoTimestamp("must be an ISO 8601 time with zone, as 2026-10-01T12:00:00Z"))),
  value: v.optional(v.pipe(v.number(), v.finite("must be a finite number"))),
  dimensions: v.optional(dimensions),
  about: entitiesField,
});

export const analytics = defineJob({
  type: "analytics",
  payload,
  result: v.object({ stored: v.boolean() }),
  queue: "analytics-events",
  needs: ["analytics"],
  batch: true,
  entities: ({ about: keys }) => keys ?? [],
  // Many at once, and one statement stores a whole batch: a pack takes no longer than one job, so none waits for another.
  policy: { maxAttempts: 10, timeout: 60, pack: 25 },
});
