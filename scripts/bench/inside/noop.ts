import * as v from "valibot";
import { defineJob, type RunContext } from "../../../src/queue/job";
import { done, type Outcome } from "../../../src/queue/outcome";

/** A job that does nothing: what is left is what the engine costs. It travels in packs, as quick jobs do, on a queue whose batch has room for them. */
export const noop = defineJob({
  type: "noop",
  queue: "analytics-events",
  payload: v.strictObject({ n: v.number(), noted: v.optional(v.boolean()), entity: v.optional(v.string()) }),
  entities: ({ entity }) => (entity === undefined ? [] : [entity]),
  policy: { concurrency: 100, pack: 25 },
});

/** When the noted ones began, by id. Milliseconds. */
export const starts = new Map<string, number>();

export async function runNoop({ noted }: v.InferOutput<typeof noop.payload>, context: RunContext): Promise<Outcome> {
  if (noted) starts.set(context.id, Date.now());
  return done();
}
