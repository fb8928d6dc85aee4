import * as v from "valibot";
import { submissionSchema } from "../../domain/leads/model";
import { defineJob } from "../../queue/job";

export const lead = defineJob({
  type: "lead",
  payload: submissionSchema,
  result: v.object({
    // Of the lead it belongs to: its own id when it made it.
    lead: v.nullable(v.string()),
    follow: v.picklist(["new", "again", "none"]),
    forward: v.string(),
  }),
  queue: "lead-submissions",
  needs: ["leads"],
  // A lead outlives any outage of the database: it never runs out of attempts within its age.
  policy: { maxAttempts: 100, backoff: { base: 2, cap: 300 }, timeout: 30, concurrency: 25 },
});
