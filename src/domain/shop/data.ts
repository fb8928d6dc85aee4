import type { Order, ShopRows, Stock } from "../../providers/shop/rows";
import type { ShopSettings } from "../../providers/shop/shop";
import { changedOrders, type OrderPage, orderWrites } from "./orders";
import { goneProducts, goneWrites, type ProductPage, productWrites, pruneWrites } from "./products";
import { draftWrites, type PurchaseLine, type Shortage, shortage } from "./purchase";
import { approvePurchase, draftsOf, noteMail, type PurchaseOrder } from "./purchase-orders";
import { missing, type Named, namedWrites } from "./rows";
import type { Scope } from "./scope";
import * as state from "./state";
import { stockWrites } from "./stock";
import type { Span } from "./window";

/** Statements to hand to `checkpoint`, so that rows and cursor commit together. */
export type Writes = readonly unknown[];

/** What jobs know of one shop of a tenant and write about it. Milliseconds throughout. */
export interface SiteData {
  state(): Promise<state.SiteState | null>;
  /** Returns until when the shop is left alone. */
  pause(reason: string, now: number): Promise<number>;
  takeProbe(now: number): Promise<boolean>;
  resume(): Promise<boolean>;
  keepSettings(settings: ShopSettings, now: number): Promise<void>;
  wasSlow(now: number): Promise<void>;

  changedOrders(orders: readonly Order[]): Promise<Order[]>;
  missing(resource: Named, ids: Iterable<number | null>): Promise<number[]>;
  goneProducts(listed: readonly number[], span: { after: number; until: number | null }, readAt: number): Promise<number[]>;

  orderWrites(page: OrderPage, now: number): Writes;
  productWrites(page: ProductPage, now: number): Writes;
  stockWrites(stock: readonly Stock[], readAt: number, now: number): Writes;
  goneWrites(gone: readonly number[], readAt: number, now: number): Writes;
  namedWrites<R extends Named>(resource: R, rows: readonly ShopRows[R][], readAt: number): Writes;
  listsRead(kind: state.SyncKind, now: number): Writes;
  /** The list of all products was compared; what is long deleted goes. */
  compared(now: number): Writes;
  spanRead(kind: state.SyncKind, span: state.ReadSpan, now: number): Writes;
  openWindows(run: string, spans: readonly Span[]): Writes;
  windowRead(run: string, from: number, now: number): Writes;

  shortage(): Promise<Shortage>;
  draftWrites(job: string, lines: readonly PurchaseLine[], now: number): Writes;
  draftsOf(job: string): Promise<(PurchaseOrder & { automatic: boolean })[]>;
  /** False when it is no draft any more. */
  approve(id: number, job: string, now: number): Promise<boolean>;
  noteMail(id: number, job: string): Promise<void>;
}

/** All shops of all tenants; each call names one. */
export interface ShopData {
  site(tenant: string, site: string): SiteData;
}

declare module "../../queue/job" {
  interface Capabilities {
    shopData: ShopData;
  }
}

export function shopDataIn(db: D1Database): ShopData {
  return { site: (tenant, site) => siteData({ db, tenant, site }) };
}

function siteData(scope: Scope): SiteData {
  return {
    state: () => state.siteState(scope),
    pause: (reason, now) => state.pause(scope, reason, now),
    takeProbe: (now) => state.takeProbe(scope, now),
    resume: () => state.resume(scope),
    keepSettings: (settings, now) => state.keepSettings(scope, settings, now),
    wasSlow: (now) => state.wasSlow(scope, now),
    changedOrders: (orders) => changedOrders(scope, orders),
    missing: (resource, ids) => missing(scope, resource, ids),
    goneProducts: (listed, span, readAt) => goneProducts(scope, listed, span, readAt),
    orderWrites: (page, now) => orderWrites(scope, page, now),
    productWrites: (page, now) => productWrites(scope, page, now),
    stockWrites: (stock, readAt, now) => stockWrites(scope, stock, readAt, now),
    goneWrites: (gone, readAt, now) => goneWrites(scope, gone, readAt, now),
    namedWrites: (resource, rows, readAt) => namedWrites(scope, resource, rows, readAt),
    listsRead: (kind, now) => [state.listsRead(scope, kind, now)],
    compared: (now) => [state.compared(scope, now), ...pruneWrites(scope, now)],
    spanRead: (kind, span, now) => [state.spanRead(scope, kind, span, now)],
    openWindows: (run, spans) => [state.openWindows(scope, run, spans)],
    windowRead: (run, from, now) => state.windowRead(scope, run, from, now),
    shortage: () => shortage(scope),
    draftWrites: (job, lines, now) => draftWrites(scope, job, lines, now),
    draftsOf: (job) => draftsOf(scope, job),
    approve: (id, job, now) => approvePurchase(scope, id, job, now),
    noteMail: (id, job) => noteMail(scope, id, job),
  };
}
