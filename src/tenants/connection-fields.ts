import * as v from "valibot";
import { boundedText } from "../bounded";

export const url = boundedText(2048);
export const secret = boundedText(1024, { pattern: /^[\x21-\x7e]{1,1024}$/, rule: "must be 1 to 1024 visible characters without spaces" });
export const whole = (max: number) =>
  v.pipe(v.number(), v.integer("must be a whole number"), v.minValue(1, "must be at least 1"), v.maxValue(max, `must be at most ${max}`));

/** The limits of a connection's gate; see gate-limits.ts for meaning and defaults. */
export const limitsSchema = v.strictObject({
  concurrency: v.optional(whole(1000)),
  perSecond: v.optional(v.pipe(v.number(), v.minValue(0.001, "must be at least 0.001"), v.maxValue(1000, "must be at most 1000"))),
  burst: v.optional(whole(1000)),
  breaker: v.optional(v.strictObject({ failures: v.optional(whole(1000)), openSeconds: v.optional(whole(600)) })),
});

export const only = <const Name extends string>(name: Name) => v.literal(name, `must be ${name}`);
