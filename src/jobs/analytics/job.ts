import * as v from "valibot";
import { about } from "../../domain/events/entity";
import { defineJob } from "../../queue/job";
import { personal } from "../../queue/personal";

const name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/, "must be 1 to 64 letters, digits and . _ : / -"));

const dimensions = v.pipe(
  v.record(name, v.pipe(v.string(), v.maxLength(200, "must have at most 200 characters"))),
  v.maxEntries(20, "must have at most 20 dimensions"),
  // Nobody keeps a tenant from putting an address into one.
  personal(),
);

const payload = v.strictObject({
  event: name,
  at: v.optional(v.pipe(v.string(), v.isoTimestamp("must be an ISO 8601 time with zone, as 2026-10-01T12:00:00Z"))),
  value: v.optional(v.pipe(v.number(), v.finite("must be a finite number"))),
  dimensions: v.optional(dimensions),
  about,
});

export const analytics = defineJob({
  type: "analytics",
  payload,
  result: v.object({ stored: v.boolean() }),
  queue: "analytics-events",
  needs: ["analytics"],
  batch: true,
  entities: ({ about: keys }) => keys ?? [],
  policy: { maxAttempts: 10, timeout: 60 },
});
