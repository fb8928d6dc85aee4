import * as v from "valibot";
import { boundedText } from "../bounded";

export const url = boundedText(2048);
export const secret = boundedText(1024, { pattern: /^[\x21-\x7e]{1,1024}$/, rule: "must be 1 to 1024 visible characters without spaces" });
export const whole = (max: number) =>
  v.pipe(v.number(), v.integer("must be a whole number"), v.minValue(1, "must be at least 1"), v.maxValue(max, `must be at most ${max}`));

export const only = <const Name extends string>(name: Name) => v.literal(name, `must be ${name}`);
