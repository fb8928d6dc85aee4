import { maxHops } from "../../domain/events/model";
import { outcomeOf } from "../../queue/effect";
import type { Run } from "../../queue/job";
import { discard, done } from "../../queue/outcome";
import type { webhook } from "./job";

export const runWebhook: Run<typeof webhook> = async (payload, context) => {
  const hops = payload.hops ?? 0;
  if (hops > maxHops) return discard(`it has passed through here ${hops} times: a receiver sends it back`);
  const hook = await context.hooks.open(payload);
  if ("missing" in hook) return discard(hook.missing);
  const message = { id: payload.id ?? context.id, body: JSON.stringify(payload.body), hops };
  const sent = await context.effect("deliver", () => hook.post(message, context.signal), { idempotentFor: hook.idempotentFor });
  if (sent.ok) return done(sent.value ?? { status: 0, response: "" });
  if (sent.failure.code === "gone") await hook.retire(sent.failure.reason, context.id);
  return outcomeOf(sent.failure, context.now());
};
