import * as v from "valibot";
import { siteId } from "../../domain/shop/site/model";
import { unreadableRows } from "../../domain/shop/sync/unreadable-shape";
import { outputList } from "../../bounded";
import { defineJob } from "../../queue/job";

export const syncProducts = defineJob({
  type: "sync-products",
  payload: v.strictObject({
    siteId,
    incremental: v.optional(v.boolean("must be true or false"), false),
    linkVendors: v.optional(v.boolean("must be true or false"), false),
  }),
  result: v.object({
    products: v.number(),
    deleted: v.number(),
    stock: v.number(),
    full: v.boolean(),
    unreadable: unreadableRows,
    warnings: outputList(v.string()),
  }),
  queue: "prestashop-sync",
  needs: ["shops", "scope"],
  gates: ({ siteId: site }) => [`products:${site}`, `shop:${site}`],
  policy: { maxAttempts: 30, backoff: { base: 15, cap: 1800 }, timeout: 300, concurrency: 10 },
});
