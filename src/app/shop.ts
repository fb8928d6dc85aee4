import { addSchedules } from "../domain/shop/defaults";
import { approvePurchase, cancelPurchase, noteMail, purchaseOrder, purchaseOrders } from "../domain/shop/purchase-orders";
import { listOrders, orderDetail } from "../domain/shop/read-orders";
import { listProducts } from "../domain/shop/read-products";
import { leave, vacate } from "../domain/shop/leaving";
import { syncView } from "../domain/shop/site";
import { connect, keepSettings, resume } from "../domain/shop/state";
import { listSuppliers, putSupplier } from "../domain/shop/suppliers";
import type { ScheduleStore } from "../domain/schedules/store";
import type { ShopDoor, ShopTest } from "../intake/shop-door";
import type { ShopResource } from "../providers/shop/rows";
import type { Shop } from "../providers/shop/shop";
import type { Reply } from "../queue/effect";
import type { SiteWebhook } from "../tenants/site";

export interface ShopDoorParts {
  db: D1Database;
  now(): number;
  schedules: Pick<ScheduleStore, "give" | "removeSite">;
  webhookSecret(tenant: string, site: string, webhook: SiteWebhook): Promise<string | undefined>;
  openShop(tenant: string, site: string, signal: AbortSignal): Promise<Reply<Shop>>;
  /** Brings forward the jobs that wait for a site. */
  wake(tenant: string, site: string): Promise<void>;
}

/** A test answers a request: it may not take longer. Milliseconds. */
const testLimit = 25_000;

/** Statements by which one request removes what was read from a site; the tick does the rest. */
const mostRemovals = 300;

/** Everything a run may read. */
const needed: readonly ShopResource[] = [
  "orders",
  "order_states",
  "order_payments",
  "order_carriers",
  "carriers",
  "customers",
  "addresses",
  "countries",
  "currencies",
  "products",
  "combinations",
  "stock_availables",
  "manufacturers",
  "suppliers",
  "product_suppliers",
];

export function createShopDoor(parts: ShopDoorParts): ShopDoor {
  const { db, now, schedules } = parts;
  const at = (tenant: string, site: string) => ({ db, tenant, site });
  return {
    webhookSecret: parts.webhookSecret,
    vacate: (tenant, site) => vacate(at(tenant, site), mostRemovals),
    connected: async (tenant, site, moved) => {
      await connect(at(tenant, site), moved, now());
      await parts.wake(tenant, site);
      await addSchedules(schedules, tenant, site, now());
    },
    removed: async (tenant, site) => {
      await schedules.removeSite(tenant, site);
      await leave(at(tenant, site), mostRemovals, now());
    },
    test: (tenant, site) => test(parts, tenant, site),
    sync: (tenant, site) => syncView(at(tenant, site), now()),
    orders: (tenant, site, filter) => listOrders(at(tenant, site), filter),
    order: (tenant, site, id) => orderDetail(at(tenant, site), id),
    products: (tenant, site, filter) => listProducts(at(tenant, site), filter),
    suppliers: (tenant, site, filter) => listSuppliers(at(tenant, site), filter),
    putSupplier: (tenant, site, id, settings) => putSupplier(at(tenant, site), id, settings),
    purchaseOrders: (tenant, site, filter) => purchaseOrders(at(tenant, site), filter),
    purchaseOrder: (tenant, site, id) => purchaseOrder(at(tenant, site), id),
    approve: (tenant, site, id) => approvePurchase(at(tenant, site), id, "operator", now()),
    cancel: (tenant, site, id) => cancelPurchase(at(tenant, site), id, now()),
    noteMail: (tenant, site, id, job) => noteMail(at(tenant, site), id, job),
  };
}

async function test({ db, now, openShop, wake }: ShopDoorParts, tenant: string, site: string): Promise<ShopTest> {
  const signal = AbortSignal.timeout(testLimit);
  const opened = await openShop(tenant, site, signal);
  if (!opened.ok) return refused(opened);
  const facts = await opened.value.test(signal);
  if (!facts.ok) return refused(facts);
  const permissions = await opened.value.permissions(needed, signal);
  if (!permissions.ok) return refused(permissions);
  const { missing } = permissions.value;
  if (missing.length > 0) return { ok: false, class: "config", reason: `the webservice key lacks GET on ${missing.join(", ")}` };
  const { version, ...settings } = facts.value;
  const scope = { db, tenant, site };
  await keepSettings(scope, settings, now());
  if (await resume(scope)) await wake(tenant, site);
  return { ok: true, version, timeZone: settings.timeZone };
}

function refused({ failure }: Reply<unknown> & { ok: false }): ShopTest {
  return { ok: false, class: failure.class, reason: failure.reason };
}
