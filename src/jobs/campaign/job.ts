import * as v from "valibot";
import { boundedText } from "../../bounded";
import { defineJob } from "../../queue/job";
import { daySeconds } from "../../time/day";

/** Enqueues the pages of one campaign, a few hundred at a time. */
export const campaign = defineJob({
  type: "campaign",
  internal: true,
  payload: v.strictObject({ campaign: boundedText(64) }),
  result: v.object({ pages: v.number() }),
  // It is quick, and must not wait behind the pages that it waits for.
  queue: "email-sending",
  needs: ["campaigns"],
  policy: { maxAttempts: 10, timeout: 60, maxAge: 366 * daySeconds, maxRuns: 1_000_000 },
});
