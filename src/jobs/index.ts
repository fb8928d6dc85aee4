import { job } from "../queue/job";
import { remoteJob } from "../queue/remote";
import { agent } from "./agent/job";
import { runAgent } from "./agent/run";
import { analysis } from "./analysis/job";
import { analyse } from "./analysis/run";
import { analytics } from "./analytics/job";
import { storeAnalytics } from "./analytics/run";
import { campaign } from "./campaign/job";
import { runCampaign } from "./campaign/run";
import { campaignPage } from "./campaign-page/job";
import { sendPage } from "./campaign-page/run";
import { crm } from "./crm/job";
import { upsertContact } from "./crm/run";
import { email } from "./email/job";
import { sendEmail } from "./email/run";
import { event } from "./event/job";
import { fanOut } from "./event/run";
import { followUp } from "./follow-up/job";
import { writeAgain } from "./follow-up/run";
import { image } from "./image/job";
import { runImage } from "./image/run";
import { lead } from "./lead/job";
import { takeLead } from "./lead/run";
import { remoteDemo } from "./remote-demo/job";
import { slack } from "./slack/job";
import { postToSlack } from "./slack/run";
import { storeEvent } from "./store-event/job";
import { keepEvent } from "./store-event/run";
import { webhook } from "./webhook/job";
import { deliver } from "./webhook/run";
import { supplierOrders } from "./supplier-orders/job";
import { runSupplierOrders } from "./supplier-orders/run";
import { syncOrders } from "./sync-orders/job";
import { runSyncOrders } from "./sync-orders/run";
import { syncOrdersPart } from "./sync-orders-part/job";
import { runSyncOrdersPart } from "./sync-orders-part/run";
import { syncProducts } from "./sync-products/job";
import { runSyncProducts } from "./sync-products/run";
import { syncSingleOrder } from "./sync-single-order/job";
import { runSyncSingleOrder } from "./sync-single-order/run";

/** Every job there is, one line each. */
export const jobs = [
  job(email, sendEmail),
  job(campaign, runCampaign),
  job(campaignPage, sendPage),
  job(analytics, storeAnalytics),
  job(lead, takeLead),
  job(event, fanOut),
  job(webhook, deliver),
  job(slack, postToSlack),
  job(crm, upsertContact),
  job(analysis, analyse),
  job(storeEvent, keepEvent),
  job(followUp, writeAgain),
  job(image, runImage),
  job(agent, runAgent),
  job(syncOrders, runSyncOrders),
  job(syncOrdersPart, runSyncOrdersPart),
  job(syncProducts, runSyncProducts),
  job(syncSingleOrder, runSyncSingleOrder),
  job(supplierOrders, runSupplierOrders),
  remoteJob(remoteDemo),
] as const;
