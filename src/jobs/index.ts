import { job } from "../queue/job";
import { analytics } from "./analytics/job";
import { storeAnalytics } from "./analytics/run";
import { email } from "./email/job";
import { sendEmail } from "./email/run";
import { supplierOrders } from "./supplier-orders/job";
import { runSupplierOrders } from "./supplier-orders/run";
import { syncOrders } from "./sync-orders/job";
import { runSyncOrders } from "./sync-orders/run";
import { syncProducts } from "./sync-products/job";
import { runSyncProducts } from "./sync-products/run";
import { syncSingleOrder } from "./sync-single-order/job";
import { runSyncSingleOrder } from "./sync-single-order/run";

/** Every job there is, one line each. */
export const jobs = [
  job(email, sendEmail),
  job(analytics, storeAnalytics),
  job(syncOrders, runSyncOrders),
  job(syncProducts, runSyncProducts),
  job(syncSingleOrder, runSyncSingleOrder),
  job(supplierOrders, runSupplierOrders),
] as const;
