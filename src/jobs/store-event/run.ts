import { ok } from "../../queue/effect";
import type { Run } from "../../queue/job";
import { done } from "../../queue/outcome";
import type { storeEvent } from "./job";

export const runStoreEvent: Run<typeof storeEvent> = async ({ entity, event, type, at, data }, context) => {
  // A time that is yet to come would make it the newest for ever.
  const fact = { entity, event, type, at: Math.min(at, context.at), data };
  // In a dry run the effect is only noted as "would do"; else a repeat adds nothing by itself and costs no record.
  if (context.dryRun) await context.effect("store", async () => ok(true));
  else await context.facts.add(context.tenant, fact);
  return done({ stored: !context.dryRun });
};
