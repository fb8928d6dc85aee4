import { ok } from "../../queue/effect";
import type { Run } from "../../queue/job";
import { done } from "../../queue/outcome";
import type { storeEvent } from "./job";

export const runStoreEvent: Run<typeof storeEvent> = async ({ entity, event, type, at, data }, context) => {
  // A future time would make it the newest for ever.
  const fact = { entity, event, type, at: Math.min(at, context.at), data };
  // In a dry run the effect is recorded as "would do". Otherwise a repeat adds nothing, so no record is needed.
  if (context.dryRun) await context.effect("store", async () => ok(true));
  else await context.facts.add(context.tenant, fact);
  return done({ stored: !context.dryRun });
};
