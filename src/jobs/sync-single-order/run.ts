import { readAround } from "../../domain/shop/order-page";
import { failedVisit, isVisit, mended, visit } from "../../domain/shop/visit";
import type { Run } from "../../queue/job";
import { discard, done, retry } from "../../queue/outcome";
import type { syncSingleOrder } from "./job";

// A shop tells of an order before it has committed it.
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
  if (!order) return notThere(orderId, context.attempt);
  const changed = await here.data.changedOrders([order]);
  const around = await readAround(context, here, changed, readAt);
  if (!around.ok) return failedVisit(context, here, around.failure);
  await context.checkpoint(null, here.data.orderWrites(around.value, context.now()));
  return done({ changed: changed.length > 0 });
};

function notThere(orderId: number, attempt: number) {
  const after = delays[attempt - 1];
  if (after === undefined) return discard(`the shop has no order ${orderId}, not after ${attempt} looks`);
  return retry(`the shop has no order ${orderId} yet`, { after });
}
