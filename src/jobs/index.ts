import { job } from "../queue/job";
import { remoteJob } from "../queue/run/remote";
import { agent } from "./agent/job";
import { runAgent } from "./agent/run";
import { analysis } from "./analysis/job";
import { runAnalysis } from "./analysis/run";
import { analytics } from "./analytics/job";
import { runAnalytics } from "./analytics/run";
import { campaign } from "./campaign/job";
import { runCampaign } from "./campaign/run";
import { campaignPage } from "./campaign-page/job";
import { runCampaignPage } from "./campaign-page/run";
import { crm } from "./crm/job";
import { runCrm } from "./crm/run";
import { email } from "./email/job";
import { runEmail } from "./email/run";
import { event } from "./event/job";
import { runEvent } from "./event/run";
import { followUp } from "./follow-up/job";
import { runFollowUp } from "./follow-up/run";
import { image } from "./image/job";
import { runImage } from "./image/run";
import { lead } from "./lead/job";
import { runLead } from "./lead/run";
import { remoteDemo } from "./remote-demo/job";
import { slack } from "./slack/job";
import { runSlack } from "./slack/run";
import { storeEvent } from "./store-event/job";
import { runStoreEvent } from "./store-event/run";
import { webhook } from "./webhook/job";
import { runWebhook } from "./webhook/run";
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

/** All jobs, one line each. */
export const jobs = [
  job(email, runEmail),
  job(campaign, runCampaign),
  job(campaignPage, runCampaignPage),
  job(analytics, runAnalytics),
  job(lead, runLead),
  job(event, runEvent),
  job(webhook, runWebhook),
  job(slack, runSlack),
  job(crm, runCrm),
  job(analysis, runAnalysis),
  job(storeEvent, runStoreEvent),
  job(followUp, runFollowUp),
  job(image, runImage),
  job(agent, runAgent),
  job(syncOrders, runSyncOrders),
  job(syncOrdersPart, runSyncOrdersPart),
  job(syncProducts, runSyncProducts),
  job(syncSingleOrder, runSyncSingleOrder),
  job(supplierOrders, runSupplierOrders),
  remoteJob(remoteDemo),
] as const;
