import * as v from "valibot";
import { isMediaKey, originalIn, variantPrefix } from "./model";

/** R2's message when an object was written or removed; a removed one has neither size nor etag. */
const notification = v.looseObject({
  account: v.string(),
  action: v.string(),
  bucket: v.string(),
  object: v.looseObject({ key: v.string(), size: v.optional(v.number()), eTag: v.optional(v.string()) }),
  eventTime: v.string(),
});
type Notification = v.InferOutput<typeof notification>;

/** `own`: about a variant of ours. `refused`: no picture of a tenant, and why. */
type NotifiedObject = { kind: "original"; tenant: string; key: string } | { kind: "own" } | { kind: "refused"; reason: string };

/**
 * The original that a message is about. The message's action is ignored: messages are repeated and in any order, so
 * the bucket is read instead.
 */
export function notifiedObject(body: unknown): NotifiedObject {
  const parsed = v.safeParse(notification, body);
  if (!parsed.success) return { kind: "refused", reason: "the message is neither an envelope nor a notification of R2" };
  const { key: object } = parsed.output.object;
  if (object.startsWith(variantPrefix)) return { kind: "own" };
  const place = originalIn(object);
  if (!place) return { kind: "refused", reason: "the object's key does not begin with a tenant's name and a slash" };
  if (!isMediaKey(place.key)) return { kind: "refused", reason: "the object's key is no path that the interface can name" };
  return { kind: "original", ...place };
}

/** The message that R2 would send, for a local R2, which sends none. */
export function notificationFor(action: "PutObject" | "DeleteObject", object: { key: string; size?: number; eTag?: string }, now: number): Notification {
  return { account: "local", action, bucket: "jobyard-media", object, eventTime: new Date(now).toISOString() };
}
