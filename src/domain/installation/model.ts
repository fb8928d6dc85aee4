import * as v from "valibot";
import { boundedText } from "../../bounded";

/** Body of `PUT /v1/heartbeat`. */
export const heartbeatSchema = v.strictObject({
  url: v.pipe(boundedText(2048, { min: 1 }), v.description("An https address; it is called by GET after each tick that ended without a failing step")),
});

export type HeartbeatSetting = v.InferOutput<typeof heartbeatSchema>;

/** The step under which the tick records its heartbeat. */
export const heartbeatStep = "heartbeat";

/** A setting of the installation, opened. Times in milliseconds. */
export interface Setting<Value> {
  value: Value;
  updated: number;
}
