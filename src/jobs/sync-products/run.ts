import { dryProductSync, syncShopProducts } from "../../domain/shop/sync/sync-products";
import type { Run } from "../../queue/job";
import type { syncProducts } from "./job";

export const runSyncProducts: Run<typeof syncProducts> = async ({ siteId, ...reading }, context) => {
  if (!context.dryRun) return syncShopProducts(siteId, context, reading);
  await context.effect("store", async () => ({ ok: true, value: null }));
  return dryProductSync(siteId, context, reading);
};
