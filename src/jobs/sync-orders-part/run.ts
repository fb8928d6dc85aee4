import { unreadPart, recordPartRead } from "../../domain/shop/sync/bulk-parts";
import { readOrderRange } from "../../domain/shop/sync/sync-orders";
import type { Run } from "../../queue/job";
import { discard } from "../../queue/outcome";
import type { syncOrdersPart } from "./job";

export const runSyncOrdersPart: Run<typeof syncOrdersPart> = async ({ siteId, run, from, to }, context) => {
  const scope = { ...context.scope, site: siteId };
  const part = await unreadPart(scope, run, { from, to });
  if (context.cursor === undefined && !part) return discard('no bulk run has opened this part: enqueue sync-orders with "bulkMode": true');
  return readOrderRange(siteId, context, {
    span: () => ({ from, to }),
    looksAgain: false,
    // Once for the whole bulk run.
    compares: () => part?.isNewest === true,
    ended: (session, { orders, changed, deleted, unreadable, warnings }) =>
      recordPartRead(session.scope, run, { from, orders, changed, deleted, unreadable, warnings }, context.now()),
  });
};
