import { addSchedules } from "../domain/shop/site/schedules";
import { approvePurchase, cancelPurchase, noteMail, purchaseOrder, purchaseOrders, reopenPurchase } from "../domain/shop/purchases/store";
import { listOrders, orderDetail } from "../domain/shop/orders/queries";
import { listProductTexts } from "../domain/shop/products/texts";
import { listProducts } from "../domain/shop/products/queries";
import { leave, vacate } from "../domain/shop/site/remove";
import { syncView, troubles } from "../domain/shop/site/queries";
import { connect } from "../domain/shop/site/store";
import { listSuppliers, putSupplier } from "../domain/shop/purchases/suppliers";
import type { ScheduleStore } from "../domain/schedules/store";
import type { ShopDoor } from "../intake/shop-door";
import type { SiteWebhook } from "../tenants/site";
import { type ShopTestParts, testShop } from "./shop-test";

export interface ShopDoorParts extends ShopTestParts {
  schedules: Pick<ScheduleStore, "give" | "removeSite">;
  webhookSecret(tenant: string, site: string, webhook: SiteWebhook): Promise<string | undefined>;
}

/** Statements by which one request removes what was read from a site; the tick does the rest. */
const mostRemovals = 300;

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
    test: (tenant, site) => testShop(parts, tenant, site),
    sync: (tenant, site) => syncView(at(tenant, site), now()),
    troubles: (tenant) => troubles(db, tenant),
    orders: (tenant, site, filter) => listOrders(at(tenant, site), filter),
    order: (tenant, site, id) => orderDetail(at(tenant, site), id),
    products: (tenant, site, filter) => listProducts(at(tenant, site), filter),
    productTexts: (tenant, site, page) => listProductTexts(at(tenant, site), page),
    suppliers: (tenant, site, filter) => listSuppliers(at(tenant, site), filter),
    putSupplier: (tenant, site, id, settings) => putSupplier(at(tenant, site), id, settings),
    purchaseOrders: (tenant, site, filter) => purchaseOrders(at(tenant, site), filter),
    purchaseOrder: (tenant, site, id) => purchaseOrder(at(tenant, site), id),
    approve: (tenant, site, id) => approvePurchase(at(tenant, site), id, "operator", now()),
    reopen: (tenant, site, id) => reopenPurchase(at(tenant, site), id, now()),
    cancel: (tenant, site, id) => cancelPurchase(at(tenant, site), id, now()),
    noteMail: (tenant, site, id, job) => noteMail(at(tenant, site), id, job),
  };
}
