import * as v from "valibot";
import { siteId } from "../../domain/shop/site/model";
import { boundedText } from "../../bounded";
import { defineJob } from "../../queue/job";
import { syncOrders } from "../sync-orders/job";

const instant = v.pipe(v.number("must be milliseconds"), v.safeInteger("must be milliseconds"), v.minValue(0, "must be milliseconds"));

/** Enqueued by a bulk run only: a part that no run has opened is discarded. */
export const syncOrdersPart = defineJob({
  type: "sync-orders-part",
  internal: true,
  payload: v.strictObject({ siteId, run: boundedText(64), from: instant, to: instant }),
  result: syncOrders.result!,
  queue: "prestashop-sync",
  needs: ["shops", "scope"],
  // Parts run beside other runs, within the shop's gate.
  gates: ({ siteId: site }) => [`shop:${site}`],
  policy: syncOrders.policy,
});
