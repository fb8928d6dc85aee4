import * as v from "valibot";
import { boundedList, boundedText } from "../../bounded";
import { signingSecret } from "../destinations/model";

/** The events of ended jobs: done; a dead letter (dead or discarded, see its data); cancelled. */
export const jobEvents = ["job.done", "job.dead", "job.cancelled"] as const;

type JobEvent = (typeof jobEvents)[number];

/** The body of `PUT /v1/subscriptions/{name}`. `*` is every event of the catalogue, without the events of ended jobs. */
export const subscriptionSchema = v.strictObject({
  url: boundedText(2048),
  secret: signingSecret,
  events: boundedList(
    boundedText(128, {
      pattern: /^(\*|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*)$/,
      rule: "must be a type of event, as lead.created or job.done, or * for every event",
    }),
    50,
    { min: 1, rule: "must name 1 to 50 types of event" },
  ),
});

export type SubscriptionBody = v.InferOutput<typeof subscriptionSchema>;

/** A subscription as it may be shown: of its address only the host. Times in milliseconds. */
export interface SubscriptionView {
  name: string;
  host: string;
  events: readonly string[];
  /** Why it was switched off: the receiver's answer. Null while it is on. */
  retired: string | null;
  retiredAt: number | null;
  created: number;
  updated: number;
}

/** The event of a state; undefined for an open job. */
export function jobEventOf(state: string): JobEvent | undefined {
  if (state === "done") return "job.done";
  if (state === "cancelled") return "job.cancelled";
  return state === "dead" || state === "discarded" ? "job.dead" : undefined;
}
