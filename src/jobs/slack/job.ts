import * as v from "valibot";
import { about } from "../../domain/events/entity";
import { defineJob } from "../../queue/job";
import { personal } from "../../queue/personal";

const payload = v.strictObject({
  text: v.pipe(v.string("must be text"), v.minLength(1, "must not be empty"), v.maxLength(40_000, "must have at most 40,000 characters"), personal()),
  blocks: v.optional(v.pipe(v.array(v.record(v.string(), v.unknown())), v.maxLength(50, "may be at most 50"), personal())),
  about,
});

export const slack = defineJob({
  type: "slack",
  payload,
  result: v.object({ posted: v.boolean() }),
  queue: "deliveries",
  needs: ["chat"],
  gates: ["slack"],
  entities: ({ about: keys }) => keys ?? [],
  // Slack tells no repeat from a new message, so a lost answer is for somebody to look at.
  policy: { maxAttempts: 8, backoff: { base: 5, cap: 1800 }, timeout: 30 },
});
