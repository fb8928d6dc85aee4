import * as v from "valibot";
import { siteId } from "../../domain/shop/site/model";
import { defineJob } from "../../queue/job";

const id = "must be the number of an order";

export const syncSingleOrder = defineJob({
  type: "sync-single-order",
  payload: v.strictObject({ siteId, orderId: v.pipe(v.number(id), v.safeInteger(id), v.minValue(1, id)) }),
  result: v.object({ changed: v.boolean() }),
  queue: "prestashop-sync",
  needs: ["shops", "scope"],
  gates: ({ siteId: site }) => [`shop:${site}`],
  entities: ({ siteId: site, orderId }) => [`order:${orderId}`, `order:${site}/${orderId}`],
  policy: { maxAttempts: 20, backoff: { base: 5, cap: 1800 }, timeout: 120, concurrency: 10 },
});
