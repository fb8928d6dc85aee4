import { entitiesOf, isKnown } from "../../domain/events/catalogue";
import { type Event, happenedAt, maxHops } from "../../domain/events/model";
import { type PlannedDelivery, routesFor } from "../../domain/events/plan";
import type { Run } from "../../queue/job";
import { discard, done } from "../../queue/outcome";
import { followUp } from "../follow-up/job";
import { childOf, type ReceivedEvent } from "./children";
import type { event } from "./job";

type Context = Parameters<Run<typeof event>>[1];

export const runEvent: Run<typeof event> = async (payload, context) => {
  if ((payload.hops ?? 0) > maxHops) return discard(`it has passed through here ${payload.hops} times: a destination sends it back`);
  const table = await context.routing.of(context.tenant);
  if (!isKnown(payload.type) && table.unknown === "refuse") return discard("its type is not one of the catalogue, and the tenant does not store others");
  const received = { event: payload, at: happenedAt(payload, context.at), key: eventName(payload) };
  const cancelled = await cancelFollowUps(received, context);
  // Concurrent; a failure is reported after all have ended. Enqueued children stay, and the next run repeats none.
  const served = await Promise.allSettled(routesFor(payload, table).map((planned) => serve(planned, received, context)));
  const failure = served.find((each) => each.status === "rejected");
  if (failure) throw failure.reason;
  const destinations = served.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  return done({ destinations, ...(cancelled > 0 ? { cancelled } : {}) });
};

async function serve(planned: PlannedDelivery, received: ReceivedEvent, context: Context): Promise<{ name: string; job?: string; skipped?: string }> {
  const { name } = planned;
  if (planned.kind === "skipped") return { name, skipped: planned.reason };
  const child = childOf(planned, received);
  if ("skipped" in child) return { name, skipped: child.skipped };
  const job = await context.enqueue(child.contract, child.payload, { key: name, delaySeconds: planned.delaySeconds });
  const [entity] = entitiesOf(received.event);
  if (child.contract.type === followUp.type && entity && !context.dryRun) await context.followUps.planned(context.tenant, entity, job);
  return { name, job };
}

async function cancelFollowUps({ event: happened, at }: ReceivedEvent, context: Context): Promise<number> {
  const lead = entitiesOf(happened).find((entity) => entity.startsWith("lead:"));
  if (!lead || context.dryRun || !isAnswer(happened)) return 0;
  return context.followUps.answered(context.tenant, lead, at);
}

// The sender's id with its source: two sources may use one id.
function eventName({ id, source }: Event): string {
  return source === undefined ? id : `${id} ${source}`;
}

function isAnswer({ type, data }: Event): boolean {
  if (type === "lead.answered" || type === "offer.submitted") return true;
  if (type === "lead.status_changed") return !["new", "open"].includes(String(data["status"]).toLowerCase());
  return (type === "lead.updated" || type === "lead.created") && data["answered"] === true;
}
