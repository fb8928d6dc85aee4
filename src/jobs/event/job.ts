import * as v from "valibot";
import { entitiesOf } from "../../domain/events/catalogue";
import { eventPayload } from "../../domain/events/model";
import { outputList } from "../../bounded";
import { defineJob } from "../../queue/job";

// The result of each destination: its job, or why there is none.
const destination = v.object({ name: v.string(), job: v.optional(v.string()), skipped: v.optional(v.string()) });

/**
 * An event: `{id, type, timestamp?, data}`. A sender's event is enqueued under `eventKey(event)`;
 * a job that enqueues one as a child may use any key, and the event's id need be unique for that parent only.
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
