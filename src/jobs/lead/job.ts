import * as v from "valibot";
import { submissionSchema } from "../../domain/leads/model";
import { defineJob } from "../../queue/job";

export const lead = defineJob({
  type: "lead",
  payload: submissionSchema,
  result: v.object({
    // Id of its lead: its own id when it created the lead.
    lead: v.nullable(v.string()),
    follow: v.picklist(["new", "again", "none"]),
    forward: v.string(),
  }),
  queue: "lead-submissions",
  needs: ["leads"],
  // A lead survives any outage of the database: its attempts last as long as its maximum age.
  policy: { maxAttempts: 100, backoff: { base: 2, cap: 300 }, timeout: 30, concurrency: 25 },
});
