import * as v from "valibot";
import { entitiesOf } from "../../domain/events/catalogue";
import { eventPayload } from "../../domain/events/model";
import { outputList } from "../../queue/bounded";
import { defineJob } from "../../queue/job";

// What became of each destination: the job that serves it, or why there is none.
const destination = v.object({ name: v.string(), job: v.optional(v.string()), skipped: v.optional(v.string()) });

/**
 * Something happened: `{id, type, timestamp?, data}`. What a sender sends is enqueued under `eventKey(event)`,
 * a job that enqueues it as a child may give any key of its own: the id of the event need then be unique for that parent only.
 */
export const event = defineJob({
  type: "event",
  payload: eventPayload,
  result: v.object({ destinations: outputList(destination), cancelled: v.optional(v.number()) }),
  queue: "events",
  needs: ["routing", "followUps"],
  entities: entitiesOf,
  policy: { maxAttempts: 20, backoff: { base: 2, cap: 600 }, timeout: 60, concurrency: 20 },
});
