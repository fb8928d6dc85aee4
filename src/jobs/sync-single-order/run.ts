import { readAround } from "../../domain/shop/sync/order-page";
import { failedVisit, isVisit, mended, takeNotes, visit, type Visit, type VisitContext } from "../../domain/shop/sync/session";
import type { Run } from "../../queue/job";
import { discard, done, type Outcome, retry } from "../../queue/outcome";
import type { syncSingleOrder } from "./job";

interface Cursor {
  /** In vain. */
  looks: number;
}

// A shop tells of an order before it has committed it. Seconds.
const delays = [5, 30, 120];

export const runSyncSingleOrder: Run<typeof syncSingleOrder> = async ({ siteId, orderId }, context) => {
  if (context.dryRun) {
    await context.effect("store", async () => ({ ok: true, value: null }));
    return done({ changed: false });
  }
  const here = await visit(context, siteId);
  if (!isVisit(here)) return here;
  const readAt = context.now();
  const found = await here.shop.find("orders", { field: "id", values: [orderId] }, context.signal);
  if (!found.ok) return failedVisit(context, here, found.failure);
  await mended(here);
  const { rows, unreadable, missing } = found.value;
  if (rows.length === 0) {
    const isListed = missing.includes(orderId);
    const isGone = !isListed && (await markDeleted(orderId, context, here, readAt));
    return isGone ? done({ changed: true }) : notThere(orderId, context, here, isListed);
  }
  const changed = await here.data.changedOrders(rows, unreadable);
  const around = await readAround(context, here, changed, readAt);
  if (!around.ok) return failedVisit(context, here, around.failure);
  const writes = here.data.orderWrites(around.value, context.now());
  await context.checkpoint(context.cursor, [...writes, ...takeNotes(here, context.now())]);
  await context.progress(1, 1, unreadable[0] ? `stored without what cannot be read: ${unreadable[0].reason}` : "stored");
  return done({ changed: changed.length > 0 });
};

// One that is stored and that the shop has no longer.
async function markDeleted(orderId: number, context: VisitContext, { data }: Visit, readAt: number): Promise<boolean> {
  const gone = await data.goneIds("orders", [], { after: orderId - 1, until: orderId }, readAt);
  if (gone.length === 0) return false;
  await context.checkpoint(context.cursor, data.goneWrites("orders", gone, readAt, context.now()));
  await context.progress(1, 1, "deleted in the shop");
  return true;
}

// Counted apart from attempts: those in which the shop did not answer were no looks.
async function notThere(orderId: number, context: VisitContext, here: Visit, isListed: boolean): Promise<Outcome> {
  const looks = ((context.cursor as Cursor | undefined)?.looks ?? 0) + 1;
  const after = delays[looks - 1];
  await context.checkpoint({ looks } satisfies Cursor, takeNotes(here, context.now()));
  if (isListed && after === undefined) return discard(`the shop has order ${orderId} and failed to load it, ${looks} times`);
  if (after !== undefined) return retry(isListed ? `the shop failed to load order ${orderId}` : `the shop has no order ${orderId} yet`, { after });
  return discard(`the shop has no order ${orderId}, not after ${looks} looks`);
}
