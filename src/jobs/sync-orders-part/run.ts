import { discard } from "../../queue/outcome";
import type { Run } from "../../queue/job";
import { readWindow } from "../../domain/shop/order-window";
import type { syncOrdersPart } from "./job";

export const runSyncOrdersPart: Run<typeof syncOrdersPart> = async ({ siteId, run, from, to }, context) => {
  const data = context.shopData.site(context.tenant, siteId);
  const isOurs = context.cursor !== undefined || (await data.isOpenWindow(run, { from, to }));
  if (!isOurs) return discard('no bulk run has opened this part: enqueue sync-orders with "bulkMode": true');
  return readWindow(siteId, context, {
    span: () => ({ from, to }),
    ended: (here, { orders, changed }) => here.data.windowRead(run, { from, orders, changed }, context.now()),
  });
};
