import { discard } from "../../queue/outcome";
import type { Run } from "../../queue/job";
import { readWindow } from "../../domain/shop/sync/sync-orders";
import type { syncOrdersPart } from "./job";

export const runSyncOrdersPart: Run<typeof syncOrdersPart> = async ({ siteId, run, from, to }, context) => {
  const data = context.shopData.site(context.tenant, siteId);
  const window = await data.openWindow(run, { from, to });
  if (context.cursor === undefined && !window) return discard('no bulk run has opened this part: enqueue sync-orders with "bulkMode": true');
  return readWindow(siteId, context, {
    span: () => ({ from, to }),
    looksAgain: false,
    // Once for the whole run.
    compares: () => window?.isNewest === true,
    ended: (here, { orders, changed, deleted, unreadable, warnings }) =>
      here.data.windowRead(run, { from, orders, changed, deleted, unreadable, warnings }, context.now()),
  });
};
