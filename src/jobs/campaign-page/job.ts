import * as v from "valibot";
import { boundedText } from "../../bounded";
import { defineJob } from "../../queue/job";
import { daySeconds } from "../../time/day";

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** At most 100 recipients of a campaign: bytes of its list. */
export const campaignPage = defineJob({
  type: "campaign-page",
  internal: true,
  payload: v.strictObject({ campaign: boundedText(64), page: whole, offset: whole, length: whole, count: whole }),
  result: v.object({ sent: whole, failed: whole, suppressed: whole, duplicates: whole }),
  queue: "email-bulk",
  needs: ["campaigns", "mail", "templates", "suppressions"],
  // Four at a time: a page of large mails takes about 10 MB. Each call to the provider enters the gate, not the page.
  // A campaign may be paused, or wait for its window, for a long time.
  policy: { maxAttempts: 8, backoff: { base: 10, cap: 3600, min: 60 }, timeout: 120, concurrency: 4, maxAge: 366 * daySeconds, maxRuns: 1_000_000 },
});
