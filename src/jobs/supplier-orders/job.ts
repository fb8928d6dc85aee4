import * as v from "valibot";
import { siteId } from "../../domain/shop/site/model";
import { outputList } from "../../bounded";
import { defineJob } from "../../queue/job";

export const supplierOrders = defineJob({
  type: "supplier-orders",
  payload: v.strictObject({ siteId }),
  result: v.object({
    purchaseOrders: outputList(v.object({ id: v.number(), supplierId: v.number(), rows: v.number(), mailed: v.boolean() })),
    unassigned: outputList(v.object({ product: v.number(), combination: v.number(), quantity: v.number() })),
  }),
  queue: "prestashop-sync",
  needs: ["shops", "scope"],
  // Two concurrent runs would buy the same lines.
  gates: ({ siteId: site }) => [`supplier-orders:${site}`],
  policy: { maxAttempts: 10, timeout: 120, concurrency: 5 },
});
