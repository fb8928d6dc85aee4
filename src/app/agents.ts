import type { AgentDeps } from "../domain/agents/work";
import type { WorkerEnv } from "../env";
import { supplierOrders } from "../jobs/supplier-orders/job";
import { syncOrdersPart } from "../jobs/sync-orders-part/job";
import { syncOrders } from "../jobs/sync-orders/job";
import { syncProducts } from "../jobs/sync-products/job";
import { syncSingleOrder } from "../jobs/sync-single-order/job";
import { createQueries } from "../ledger/queries";
import type { Stores } from "./stores";

interface AppAgentDeps extends Pick<AgentDeps, "payloads" | "now" | "engine"> {
  env: WorkerEnv;
  stores: Pick<Stores, "sites">;
}

const syncs = [syncOrders, syncOrdersPart, syncProducts, syncSingleOrder, supplierOrders].map(({ type }) => type);

export function createAgentDeps({ env, stores, ...deps }: AppAgentDeps): AgentDeps {
  return { ...deps, db: env.DB, sites: stores.sites, queries: createQueries(env.DB), syncs };
}
