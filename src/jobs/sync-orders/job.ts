import * as v from "valibot";
import { siteId } from "../../domain/shop/site/model";
import { unreadableRows } from "../../domain/shop/sync/unreadable-shape";
import { outputList } from "../../bounded";
import { defineJob } from "../../queue/job";

const days = "must be whole days from 1 to 3650";

export const syncOrders = defineJob({
  type: "sync-orders",
  payload: v.strictObject({
    siteId,
    lastDays: v.optional(v.pipe(v.number(days), v.integer(days), v.minValue(1, days), v.maxValue(3650, days))),
    bulkMode: v.optional(v.boolean("must be true or false"), false),
  }),
  result: v.object({
    orders: v.number(),
    changed: v.number(),
    deleted: v.number(),
    unreadable: unreadableRows,
    warnings: outputList(v.string()),
    from: v.string(),
    to: v.string(),
    parts: v.optional(v.number()),
  }),
  queue: "prestashop-sync",
  needs: ["shops", "scope"],
  // One run at a time reads a site's orders. A bulk run reads none itself, and would block its parts.
  gates: ({ siteId: site, bulkMode }) => (bulkMode ? [] : [`orders:${site}`, `shop:${site}`]),
  // Enough for a shop that is down for a night: most of that time the job waits at the gate.
  policy: { maxAttempts: 30, backoff: { base: 15, cap: 1800 }, timeout: 300, concurrency: 10 },
});
