import * as v from "valibot";
import { entitiesField } from "../../domain/events/entity";
import { boundedList, boundedText, jsonObject } from "../../bounded";
import { defineJob } from "../../queue/job";
import { personal } from "../../masking/personal";

const payload = v.strictObject({
  text: v.pipe(boundedText(40_000, { min: 1 }), personal()),
  blocks: v.optional(v.pipe(boundedList(jsonObject(), 50), personal())),
  about: entitiesField,
});

export const slack = defineJob({
  type: "slack",
  payload,
  result: v.object({ posted: v.boolean() }),
  queue: "deliveries",
  needs: ["chat"],
  gates: ["slack"],
  entities: ({ about: keys }) => keys ?? [],
  // Slack has no idempotency keys, so a lost answer needs an operator.
  oneEffect: true,
  policy: { maxAttempts: 8, backoff: { base: 5, cap: 1800 }, timeout: 30 },
});
