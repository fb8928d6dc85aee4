import type { Order, Product, ShopResource, ShopRows, Stock } from "../../providers/shop/rows";
import type { ShopSettings, Unreadable } from "../../providers/shop/shop";
import { changedOrders, completedOrders, firstOrder, type OrderPage, orderWrites, ordersByReference } from "./orders/store";
import { goneIds, goneWrites, pruneWrites } from "./sync/gone";
import { type ProductPage, productWrites, storedProducts } from "./products/store";
import { draftWrites, type PurchaseLine, type Shortage, shortage } from "./purchases/shortage";
import { approvePurchase, draftsOf, noteMail, type PurchaseOrder } from "./purchases/store";
import { details, missing, type Named, namedWrites, type Owned } from "./related-rows";
import type { Scope } from "./scope";
import * as state from "./site/store";
import { storedStock, stockWrites } from "./products/stock";
import * as unreadable from "./sync/unreadable";
import type { Span } from "./sync/date-range";
import * as windows from "./sync/bulk-parts";

/** Statements to hand to `checkpoint`, so that rows and cursor commit together. */
export type Writes = readonly unknown[];

/** What jobs know of one shop of a tenant and write about it. Milliseconds throughout. */
export interface SiteData {
  state(): Promise<state.SiteState | null>;
  /** Returns until when the shop is left alone. */
  pause(reason: string, now: number): Promise<number>;
  takeProbe(now: number): Promise<boolean>;
  resume(): Promise<boolean>;
  wentWrong(reason: string, now: number): Promise<void>;
  wentWell(): Promise<void>;
  keepSettings(settings: ShopSettings, now: number): Promise<void>;
  wasSlow(now: number): Promise<void>;

  changedOrders(orders: readonly Order[], flawed?: readonly Unreadable[]): Promise<Order[]>;
  /** The same orders, with what is stored of each field that cannot be read. */
  completed(orders: readonly Order[], flawed: readonly Unreadable[]): Promise<Order[]>;
  ordersByReference(references: readonly string[]): Promise<number[]>;
  /** The smallest id that is stored and not deleted. */
  firstOrder(): Promise<number | null>;
  storedProducts(ids: readonly number[]): Promise<Map<number, Product>>;
  details<R extends Owned>(resource: R, owners: readonly string[]): Promise<Map<string, ShopRows[R][]>>;
  /** As `product/combination`. */
  storedStock(products: readonly number[]): Promise<string[]>;
  unreadableIds(resource: ShopResource, before: number, limit: number): Promise<number[]>;
  missing(resource: Named, ids: Iterable<number | null>): Promise<number[]>;
  goneIds(kind: state.SyncKind, listed: readonly number[], span: { after: number; until: number | null }, readAt: number): Promise<number[]>;

  orderWrites(page: OrderPage, now: number): Writes;
  productWrites(page: ProductPage, now: number): Writes;
  stockWrites(stock: readonly Stock[], readAt: number, now: number): Writes;
  goneWrites(kind: state.SyncKind, gone: readonly number[], readAt: number, now: number): Writes;
  namedWrites<R extends Named>(resource: R, rows: readonly ShopRows[R][], readAt: number): Writes;
  listsRead(kind: state.SyncKind, now: number): Writes;
  /** The list of all ids was compared; what is long deleted goes. */
  compared(kind: state.SyncKind, now: number): Writes;
  noteWrites(read: unreadable.RowsRead, now: number): Writes;
  refusalWrites(resource: ShopResource, reason: string, since: number): unknown;
  allowedWrites(resource: ShopResource): unknown;
  grantedWrites(kind: state.SyncKind, resource: ShopResource, now: number): unknown;
  spanRead(kind: state.SyncKind, span: state.ReadSpan, now: number): Writes;
  openWindows(run: string, spans: readonly Span[]): Writes;
  nameWindows(run: string, jobs: readonly { from: number; job: string }[]): Writes;
  partsOf(run: string): Promise<windows.Part[]>;
  openWindow(run: string, span: Span): Promise<{ isNewest: boolean } | null>;
  windowRead(run: string, part: windows.ReadPart, now: number): Writes;
  closeWindows(run: string): Writes;

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
    wentWrong: (reason, now) => state.wentWrong(scope, reason, now),
    wentWell: () => state.wentWell(scope),
    keepSettings: (settings, now) => state.keepSettings(scope, settings, now),
    wasSlow: (now) => state.wasSlow(scope, now),
    changedOrders: (orders, flawed) => changedOrders(scope, orders, flawed),
    completed: (orders, flawed) => completedOrders(scope, orders, flawed),
    ordersByReference: (references) => ordersByReference(scope, references),
    firstOrder: () => firstOrder(scope),
    storedProducts: (ids) => storedProducts(scope, ids),
    details: (resource, owners) => details(scope, resource, owners),
    storedStock: (products) => storedStock(scope, products),
    unreadableIds: (resource, before, limit) => unreadable.unreadableIds(scope, resource, before, limit),
    missing: (resource, ids) => missing(scope, resource, ids),
    goneIds: (kind, listed, span, readAt) => goneIds(scope, kind, listed, span, readAt),
    orderWrites: (page, now) => orderWrites(scope, page, now),
    productWrites: (page, now) => productWrites(scope, page, now),
    stockWrites: (stock, readAt, now) => stockWrites(scope, stock, readAt, now),
    goneWrites: (kind, gone, readAt, now) => goneWrites(scope, kind, gone, readAt, now),
    namedWrites: (resource, rows, readAt) => namedWrites(scope, resource, rows, readAt),
    listsRead: (kind, now) => [state.listsRead(scope, kind, now)],
    compared: (kind, now) => [state.compared(scope, kind, now), ...pruneWrites(scope, kind, now)],
    noteWrites: (read, now) => unreadable.noteWrites(scope, read, now),
    refusalWrites: (resource, reason, since) => unreadable.refusalWrites(scope, resource, reason, since),
    allowedWrites: (resource) => unreadable.allowedWrites(scope, resource),
    grantedWrites: (kind, resource, now) => unreadable.grantedWrites(scope, kind, resource, now),
    spanRead: (kind, span, now) => [state.spanRead(scope, kind, span, now)],
    openWindows: (run, spans) => windows.openWindows(scope, run, spans),
    nameWindows: (run, jobs) => [windows.nameWindows(scope, run, jobs)],
    partsOf: (run) => windows.partsOf(scope, run),
    openWindow: (run, span) => windows.openWindow(scope, run, span),
    windowRead: (run, part, now) => windows.windowRead(scope, run, part, now),
    closeWindows: (run) => [windows.closeWindows(scope, run)],
    shortage: () => shortage(scope),
    draftWrites: (job, lines, now) => draftWrites(scope, job, lines, now),
    draftsOf: (job) => draftsOf(scope, job),
    approve: (id, job, now) => approvePurchase(scope, id, job, now),
    noteMail: (id, job) => noteMail(scope, id, job),
  };
}
