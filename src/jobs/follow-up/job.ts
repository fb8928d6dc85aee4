import * as v from "valibot";
import { entityKey, latestTime } from "../../domain/events/entity";
import { boundedText, jsonObject } from "../../bounded";
import { defineJob } from "../../queue/job";
import { personal } from "../../masking/personal";
import { daySeconds } from "../../time/day";

const payload = v.strictObject({
  entity: entityKey,
  // The mail is skipped when the lead has answered since.
  since: v.pipe(v.number(), v.integer(), v.minValue(0, "must not be negative"), v.maxValue(latestTime, "is too late")),
  to: v.pipe(boundedText(254), personal()),
  variables: v.pipe(jsonObject(), personal()),
});

export const followUp = defineJob({
  type: "follow-up",
  internal: true,
  payload,
  result: v.object({ mail: v.nullable(v.string()), because: v.optional(v.string()) }),
  queue: "events",
  needs: ["followUps"],
  entities: ({ entity }) => [entity],
  policy: { maxAttempts: 20, backoff: { base: 2, cap: 600 }, maxAge: 367 * daySeconds },
});
