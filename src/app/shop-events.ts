import type { ShopEvent, ShopOutbox } from "../domain/shop/events";
import type { Engine } from "../queue/engine";
import type { Enqueue, EnqueueRequest } from "../queue/request";

/** The type of job that takes events in and fans them out. */
const router = "event";
const mostEvents = 500;

/**
 * Hands what the syncs noted to the event router, oldest first. An event leaves the outbox when the router has it, and its key makes
 * it one job however often it is handed over. Without a router in this deployment the events wait.
 */
export async function publishShopEvents(
  engine: Pick<Engine, "registry">,
  enqueue: Enqueue,
  outbox: ShopOutbox,
): Promise<{ published: number; refused: number }> {
  if (!engine.registry.find(router)) return { published: 0, refused: 0 };
  const events = await outbox.pending(mostEvents);
  const receipts = events.length > 0 ? await enqueue(events.map(requestOf)) : [];
  const taken = events.filter((_, index) => receipts[index]?.ok);
  await outbox.taken(taken);
  return { published: taken.length, refused: events.length - taken.length };
}

function requestOf({ tenant, site, id, type, at, data }: ShopEvent): EnqueueRequest {
  const unique = `shop/${site}/${id}`;
  return { tenant, type: router, payload: { id: unique, type, timestamp: new Date(at).toISOString(), data }, key: `event:${unique}` };
}
