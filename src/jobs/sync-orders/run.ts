import { siteState, spanRead } from "../../domain/shop/site/store";
import { compareEveryMs, lastDaysSpan, nextSpan, type DateRange } from "../../domain/shop/sync/date-range";
import type { SyncContext } from "../../domain/shop/sync/session";
import { readOrderRange, orderSyncResult } from "../../domain/shop/sync/sync-orders";
import type { PayloadOf, Run } from "../../queue/job";
import { done, type Outcome } from "../../queue/outcome";
import type { syncOrders } from "./job";
import { runInParts } from "./parts";

type Payload = PayloadOf<typeof syncOrders>;

export const runSyncOrders: Run<typeof syncOrders> = async (payload, context) => {
  if (context.dryRun) return dryRun(payload, context);
  if (payload.bulkMode) return runInParts(payload, context);
  return readOrderRange(payload.siteId, context, {
    // Fixed before the first page, so that all pages of all runs are of the same range.
    looksAgain: true,
    compares: ({ state }) => payload.lastDays !== undefined || context.now() - (state?.orders.comparedAt ?? context.now()) >= compareEveryMs,
    span: (session) => spanOf(payload, context.now(), session.state?.orders.readTo ?? null, session.settings.timezone),
    ended: ({ scope, shop, now }, { from, to }) => [spanRead(scope, "orders", { from, to, pageSizes: shop.pageSizes }, now())],
  });
};

function spanOf({ lastDays }: Payload, now: number, readTo: number | null, zone: string | null): DateRange {
  return lastDays === undefined ? nextSpan(readTo, zone, now) : lastDaysSpan(lastDays, now);
}

async function dryRun(payload: Payload, context: SyncContext): Promise<Outcome> {
  await context.effect("store", async () => ({ ok: true, value: null }));
  const state = await siteState({ ...context.scope, site: payload.siteId });
  const span = spanOf(payload, context.at, state?.orders.readTo ?? null, state?.settings?.timezone ?? null);
  return done(orderSyncResult({ ...span, orders: 0, changed: 0, deleted: 0, unreadable: [], warnings: [] }));
}
