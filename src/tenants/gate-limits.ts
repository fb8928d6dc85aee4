import * as v from "valibot";
import { whole } from "./connection-fields";

const breakerSchema = v.strictObject({
  // Transient failures in a row that open the circuit. Default 5.
  failures: v.optional(whole(1000)),
  // Seconds that it stays open the first time; doubles with each failed probe, up to 10 minutes. Default 30.
  openSeconds: v.optional(whole(600)),
});

export const limitsSchema = v.strictObject({
  // Jobs inside at once. Default 100.
  concurrency: v.optional(whole(1000)),
  // Jobs admitted per second, on average. Default: no limit.
  perSecond: v.optional(v.pipe(v.number(), v.minValue(0.001, "must be at least 0.001"), v.maxValue(1000, "must be at most 1000"))),
  // Jobs admitted at once after a pause. Default: those of one second, at least 1.
  burst: v.optional(whole(1000)),
  breaker: v.optional(breakerSchema),
});

/** The limits of a gate. */
export type GateLimits = v.InferOutput<typeof limitsSchema>;
export type BreakerLimits = v.InferOutput<typeof breakerSchema>;
