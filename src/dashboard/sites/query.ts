import type { Jobs, PurchaseOrders, Site } from "../answers";
import type { Visit } from "../page";

export interface SiteModel {
  site: Site;
  running: Jobs["jobs"];
  orders: PurchaseOrders["purchaseOrders"];
}

export async function querySite({ api, params }: Visit): Promise<SiteModel> {
  const name = params["site"] ?? "";
  const path = `/v1/sites/${encodeURIComponent(name)}`;
  const [site, { jobs }, { purchaseOrders }] = await Promise.all([
    api.get<Site>(path),
    api.get<Jobs>("/v1/jobs", { siteId: name, state: "running", limit: "20" }),
    api.get<PurchaseOrders>(`${path}/purchase-orders`, { state: "draft", limit: "50" }),
  ]);
  return { site, running: jobs, orders: purchaseOrders };
}
