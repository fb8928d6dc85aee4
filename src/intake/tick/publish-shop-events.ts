import type { ShopEvent, ShopOutbox } from "../../domain/shop/events";
import type { Engine } from "../../queue/engine";
import type { Enqueue, EnqueueRequest, Receipt } from "../../queue/request";

/** The job type that stores events and distributes them. */
const router = "event";
const maxEvents = 500;

/**
 * Enqueues the events that syncs wrote into the outbox, oldest first. An event leaves the outbox when its job is accepted, and its key makes
 * it one job however often it is enqueued. An event that is refused permanently leaves too, and is logged: it would block all events
 * after it. Without that job type in this deployment the events wait.
 */
export async function publishShopEvents(
  engine: Pick<Engine, "registry" | "emit">,
  enqueue: Enqueue,
  outbox: ShopOutbox,
): Promise<{ published: number; refused: number; dropped: number }> {
  if (!engine.registry.find(router)) return { published: 0, refused: 0, dropped: 0 };
  const events = await outbox.pending(maxEvents);
  const receipts = events.length > 0 ? await enqueue(await Promise.all(events.map(shopEventRequest))) : [];
  const published = events.filter((_, index) => receipts[index]?.ok);
  const dropped = events.filter((event, index) => isLost(engine, event, receipts[index]));
  await outbox.remove([...published, ...dropped]);
  return { published: published.length, refused: events.length - published.length, dropped: dropped.length };
}

/** A mismatch: an event of the same id was published before, for example by a removed site of the same name. */
const neverTaken = ["invalid", "idempotency-mismatch", "too-large"];

function isLost(engine: Pick<Engine, "emit">, { tenant, site, id }: ShopEvent, receipt: Receipt | undefined): boolean {
  if (!receipt || receipt.ok || !neverTaken.includes(receipt.code)) return false;
  engine.emit({ event: "trouble", where: "shop-events", reason: `${site}/${id} is no event for the router: ${receipt.code}`, tenant });
  return true;
}

function shopEventRequest({ tenant, site, id, type, at, data }: ShopEvent): EnqueueRequest {
  const event = { id: `shop/${site}/${id}`, type, timestamp: new Date(at).toISOString(), data };
  // Another key than that of the event's id, because a sender may give any event that id.
  return { tenant, type: router, payload: event, own: ["shop-event", site, id], formerKey: `event shop/${site}/${id}`, revive: false };
}
