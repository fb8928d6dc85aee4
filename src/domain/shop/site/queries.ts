import { isoOrNull } from "../../../time/iso";
import { siteRows, type SiteScope } from "../scope";
import type { SyncView } from "./model";
import { type SitePause, siteState, type SyncState } from "./store";
import { refusalReasons, unreadableView } from "../sync/unreadable";

type Trouble = Pick<SyncView, "paused" | "lastError">;
type SyncProgress = Omit<SyncView["orders"], "deleted">;

export async function syncView(scope: SiteScope, now: number): Promise<SyncView> {
  const state = await siteState(scope);
  const [counts] = await siteRows<Counts>(scope, countsSql);
  const { orders = 0, deletedOrders = 0, products = 0, deletedProducts = 0, events = 0 } = counts ?? {};
  return {
    ...troubleOf(state?.paused ?? null, state?.lastError ?? null),
    orders: { ...progressOf(state?.orders, orders, now), deleted: deletedOrders },
    products: { ...progressOf(state?.products, products, now), deleted: deletedProducts },
    unreadable: await unreadableView(scope),
    warnings: await refusalReasons(scope),
    timezone: state?.settings?.timezone ?? null,
    timeZone: state?.settings?.timezone ?? null,
    eventsPending: events,
  };
}

/** Sites that are paused or whose newest run failed; healthy sites have no entry. */
export async function troubles(db: D1Database, tenant: string): Promise<Map<string, Trouble>> {
  const { results } = await db.prepare(troublesSql).bind(tenant).all<TroubleRow>();
  return new Map(results.map((row) => [row.site, troubleOf(pausedOf(row), errorOf(row))]));
}

interface TroubleRow {
  site: string;
  paused_at: number | null;
  paused_reason: string;
  probe_at: number;
  error_at: number | null;
  error_reason: string;
}

function pausedOf({ paused_at: at, paused_reason: reason, probe_at: probeAt }: TroubleRow): SitePause | null {
  return at === null ? null : { at, reason, probeAt };
}

function errorOf({ error_at: at, error_reason: reason }: TroubleRow) {
  return at === null ? null : { at, reason };
}

function troubleOf(paused: SitePause | null, error: { at: number; reason: string } | null): Trouble {
  return {
    paused: paused && { reason: paused.reason, since: isoOrNull(paused.at), nextTryAt: isoOrNull(paused.probeAt) },
    lastError: error && { at: isoOrNull(error.at), reason: error.reason },
  };
}

const troublesSql = `
  SELECT site, paused_at, paused_reason, probe_at, error_at, error_reason FROM shop_sites
  WHERE tenant = ?1 AND (paused_at IS NOT NULL OR error_at IS NOT NULL)`;

interface Counts {
  orders: number;
  deletedOrders: number;
  products: number;
  deletedProducts: number;
  events: number;
}

function progressOf(state: SyncState | undefined, count: number, now: number): SyncProgress {
  const readTo = state?.readTo ?? null;
  const lag = readTo === null ? null : Math.max(0, Math.round((now - readTo) / 1000));
  return { cursor: isoOrNull(readTo), lastSuccess: isoOrNull(state?.lastSuccess ?? null), lag, count };
}

const counted = (table: string, where = "") => `(SELECT count(*) FROM (SELECT 1 FROM ${table} WHERE tenant = ?1 AND site = ?2 ${where} LIMIT 100000))`;

const countsSql = `
  SELECT ${counted("shop_orders", "AND deleted IS NULL")} AS orders, ${counted("shop_orders", "AND deleted IS NOT NULL")} AS deletedOrders,
    ${counted("shop_products", "AND deleted IS NULL")} AS products, ${counted("shop_products", "AND deleted IS NOT NULL")} AS deletedProducts, ${counted("shop_events")} AS events`;
