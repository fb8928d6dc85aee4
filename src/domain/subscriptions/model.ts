import * as v from "valibot";
import { boundedList, boundedText } from "../../queue/bounded";
import { signingSecret } from "../destinations/model";

/** The event of a job that ends: done; a dead letter (dead or discarded, its data say which); cancelled. */
export const jobEvents = ["job.done", "job.dead", "job.cancelled"] as const;

export type JobEvent = (typeof jobEvents)[number];

/** The body of `PUT /v1/subscriptions/{name}`. A PUT replaces. `*` is every event of the catalogue; how jobs end is asked for by name. */
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
  /** Why nothing is sent any more: the receiver answered that it is gone. */
  retired: string | null;
  retiredAt: number | null;
  created: number;
  updated: number;
}

/** Which event a state is; a job that has not ended is none. */
export function jobEventOf(state: string): JobEvent | undefined {
  if (state === "done") return "job.done";
  if (state === "cancelled") return "job.cancelled";
  return state === "dead" || state === "discarded" ? "job.dead" : undefined;
}
