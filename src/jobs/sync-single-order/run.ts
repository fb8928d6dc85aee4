import { readAround } from "../../domain/shop/order-page";
import { failedVisit, isVisit, mended, visit, type VisitContext } from "../../domain/shop/visit";
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
  const order = found.value.rows.find(({ id }) => id === orderId);
  const broken = found.value.unreadable[0];
  if (broken) return discard(`the shop's order ${orderId} cannot be read: ${broken.reason}`);
  if (!order) return notThere(orderId, context);
  const changed = await here.data.changedOrders([order]);
  const around = await readAround(context, here, changed, readAt);
  if (!around.ok) return failedVisit(context, here, around.failure);
  await context.checkpoint(context.cursor, here.data.orderWrites(around.value, context.now()));
  await context.progress(1, 1, "stored");
  return done({ changed: changed.length > 0 });
};

// Counted apart from attempts: those in which the shop did not answer were no looks.
async function notThere(orderId: number, context: VisitContext): Promise<Outcome> {
  const looks = ((context.cursor as Cursor | undefined)?.looks ?? 0) + 1;
  const after = delays[looks - 1];
  if (after === undefined) return discard(`the shop has no order ${orderId}, not after ${looks} looks`);
  await context.checkpoint({ looks } satisfies Cursor);
  return retry(`the shop has no order ${orderId} yet`, { after });
}
