import * as v from "valibot";
import { siteId } from "../../domain/shop/site-id";
import { defineJob } from "../../queue/job";

const days = "must be whole days from 1 to 3650";
const instant = v.pipe(v.number("must be milliseconds"), v.safeInteger("must be milliseconds"), v.minValue(0, "must be milliseconds"));

export const syncOrders = defineJob({
  type: "sync-orders",
  payload: v.strictObject({
    siteId,
    lastDays: v.optional(v.pipe(v.number(days), v.integer(days), v.minValue(1, days), v.maxValue(3650, days))),
    bulkMode: v.optional(v.boolean("must be true or false"), false),
    // A part of a bulk run, made by the job that splits it.
    part: v.optional(v.strictObject({ run: v.pipe(v.string(), v.maxLength(64)), from: instant, to: instant })),
  }),
  result: v.object({
    orders: v.number(),
    changed: v.number(),
    unreadable: v.array(v.object({ id: v.nullable(v.number()), reason: v.string() })),
    warnings: v.array(v.string()),
    from: v.string(),
    to: v.string(),
    parts: v.optional(v.number()),
  }),
  queue: "prestashop-sync",
  needs: ["shops", "shopData"],
  // One at a time reads a site's orders, save for the parts of a bulk run; the shop's own gate holds those back too.
  gates: ({ siteId: site, part }) => (part ? [`shop:${site}`] : [`orders:${site}`, `shop:${site}`]),
  // Long enough for a night in which a shop is down: most of it is spent waiting at the open gate.
  policy: { maxAttempts: 30, backoff: { base: 15, cap: 1800 }, timeout: 300, concurrency: 10 },
});
