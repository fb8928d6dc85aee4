import { changedOrders, orderWrites } from "../../domain/shop/orders/store";
import { goneIds, goneWrites } from "../../domain/shop/sync/gone";
import { readAround } from "../../domain/shop/sync/order-page";
import { isSession, markHealthy, openSyncSession, outcomeOfFailure, type SyncSession, takeNotes } from "../../domain/shop/sync/session";
import type { Run } from "../../queue/job";
import { discard, done, type Outcome, retry } from "../../queue/outcome";
import type { syncSingleOrder } from "./job";

interface Cursor {
  /** Lookups that did not find the order. */
  looks: number;
}

// Delays of further lookups: a shop sends the webhook before it has committed the order. Seconds.
const delays = [5, 30, 120];

export const runSyncSingleOrder: Run<typeof syncSingleOrder> = async ({ siteId, orderId }, context) => {
  if (context.dryRun) {
    await context.effect("store", async () => ({ ok: true, value: null }));
    return done({ changed: false });
  }
  const session = await openSyncSession(context, siteId);
  if (!isSession(session)) return session;
  const readAt = context.now();
  const reply = await session.shop.find("orders", { field: "id", values: [orderId] }, context.signal);
  if (!reply.ok) return outcomeOfFailure(session, reply.failure);
  await markHealthy(session);
  const { rows, unreadable, missing } = reply.value;
  if (rows.length === 0) {
    const isListed = missing.includes(orderId);
    const isGone = !isListed && (await markDeleted(orderId, session, readAt));
    return isGone ? done({ changed: true }) : notThere(orderId, session, isListed);
  }
  const changed = await changedOrders(session.scope, rows, unreadable);
  const around = await readAround(session, changed, readAt);
  if (!around.ok) return outcomeOfFailure(session, around.failure);
  const writes = orderWrites(session.scope, around.value, context.now());
  await context.checkpoint(context.cursor, [...writes, ...takeNotes(session)]);
  await context.progress(1, 1, unreadable[0] ? `stored without what cannot be read: ${unreadable[0].reason}` : "stored");
  return done({ changed: changed.length > 0 });
};

// Marks a stored order as deleted that the shop no longer has.
async function markDeleted(orderId: number, session: SyncSession, readAt: number): Promise<boolean> {
  const deletedIds = await goneIds(session.scope, "orders", [], { after: orderId - 1, until: orderId }, readAt);
  if (deletedIds.length === 0) return false;
  await session.checkpoint(session.cursor, goneWrites(session.scope, "orders", deletedIds, readAt, session.now()));
  await session.progress(1, 1, "deleted in the shop");
  return true;
}

// Counted apart from attempts: in a failed attempt the shop did not answer.
async function notThere(orderId: number, session: SyncSession, isListed: boolean): Promise<Outcome> {
  const looks = ((session.cursor as Cursor | undefined)?.looks ?? 0) + 1;
  const after = delays[looks - 1];
  await session.checkpoint({ looks } satisfies Cursor, takeNotes(session));
  if (isListed && after === undefined) return discard(`the shop has order ${orderId} and failed to load it, ${looks} times`);
  if (after !== undefined) return retry(isListed ? `the shop failed to load order ${orderId}` : `the shop has no order ${orderId} yet`, { after });
  return discard(`the shop has no order ${orderId}, not after ${looks} looks`);
}
