import type { ListPage } from "../domain/shop/list";
import type { PurchaseFilter, PurchaseOrder } from "../domain/shop/purchases/store";
import type { OrderFilter, orderDetail, OrderView } from "../domain/shop/orders/queries";
import type { ProductTextView } from "../domain/shop/products/texts";
import type { ProductFilter, ProductView } from "../domain/shop/products/queries";
import type { SyncView, Trouble } from "../domain/shop/site/queries";
import type { SupplierFilter, SupplierView } from "../domain/shop/purchases/suppliers";
import type { SiteWebhook } from "../tenants/site";

/** What the routes of shops stand on. Throws only when the database cannot be reached, unless it says otherwise. */
export interface ShopDoor {
  /** Undefined when the sealed secret cannot be opened. */
  webhookSecret(tenant: string, site: string, webhook: SiteWebhook): Promise<string | undefined>;
  /** False while so much of an earlier site of that name is still to be removed that it takes another minute. */
  vacate(tenant: string, site: string): Promise<boolean>;
  /** The site was put: it is held no longer, has its schedules, and what waited for it goes on. */
  connected(tenant: string, site: string, moved: boolean): Promise<void>;
  /** The site was removed: its schedules, what was read from it and its purchase orders go too, of very much a part by the tick. */
  removed(tenant: string, site: string): Promise<void>;
  /** Calls the shop, looks which permissions the key lacks, and ends a pause when it lacks none. Never throws for what a shop does; `unavailable` when others are calling it. */
  test(tenant: string, site: string): Promise<ShopTest>;
  sync(tenant: string, site: string): Promise<SyncView>;
  /** Of the tenant's sites, by name; those without a word are well. */
  troubles(tenant: string): Promise<Map<string, Trouble>>;
  orders(tenant: string, site: string, filter: OrderFilter): Promise<ListPage<OrderView>>;
  order(tenant: string, site: string, id: number): ReturnType<typeof orderDetail>;
  products(tenant: string, site: string, filter: ProductFilter): Promise<ListPage<ProductView>>;
  productTexts(tenant: string, site: string, page: { after?: number | undefined; limit: number }): Promise<ListPage<ProductTextView>>;
  suppliers(tenant: string, site: string, filter: SupplierFilter): Promise<ListPage<SupplierView>>;
  /** Null when the shop has no such supplier. */
  putSupplier(tenant: string, site: string, id: number, settings: { email: string | null; automatic: boolean }): Promise<SupplierView | null>;
  purchaseOrders(tenant: string, site: string, filter: PurchaseFilter): Promise<PurchaseOrder[]>;
  purchaseOrder(tenant: string, site: string, id: number): Promise<PurchaseOrder | null>;
  /** By an operator. False when it is no draft (any more). */
  approve(tenant: string, site: string, id: number): Promise<boolean>;
  /** Makes one a draft again whose mail was never accepted. */
  reopen(tenant: string, site: string, id: number): Promise<void>;
  /** False when it is no draft (any more). */
  cancel(tenant: string, site: string, id: number): Promise<boolean>;
  noteMail(tenant: string, site: string, id: number, job: string): Promise<void>;
}

/** What a look at the shop said. */
export type ShopTest =
  | { ok: true; version: string | null; timeZone: string; warnings: string[] }
  /** `class`: `config` — act; `transient` — try again later. */
  | { ok: false; reason: string; class: string };
