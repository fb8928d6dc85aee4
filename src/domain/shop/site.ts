import { isoOrNull } from "./decimal";
import { rowsOf, type Scope } from "./scope";
import { siteState, type SyncState } from "./state";

/** How a site's syncs stand, as the interface shows it. */
export interface SyncView {
  paused: { reason: string; since: string | null; nextTryAt: string | null } | null;
  orders: SyncProgress;
  products: SyncProgress & { deleted: number };
  timeZone: string | null;
  /** Events that the router has not taken. */
  eventsPending: number;
}

export interface SyncProgress {
  /** Everything changed up to here is stored. */
  cursor: string | null;
  lastSuccess: string | null;
  /** Seconds between the cursor and now. */
  lag: number | null;
  /** Stored, counted up to 100,000. */
  count: number;
}

export async function syncView(scope: Scope, now: number): Promise<SyncView> {
  const state = await siteState(scope);
  const [counts] = await rowsOf<Counts>(scope, countsSql);
  const { orders = 0, products = 0, deleted = 0, events = 0 } = counts ?? {};
  const paused = state?.paused;
  return {
    paused: paused ? { reason: paused.reason, since: isoOrNull(paused.at), nextTryAt: isoOrNull(paused.probeAt) } : null,
    orders: progressOf(state?.orders, orders, now),
    products: { ...progressOf(state?.products, products, now), deleted },
    timeZone: state?.settings?.timeZone ?? null,
    eventsPending: events,
  };
}

interface Counts {
  orders: number;
  products: number;
  deleted: number;
  events: number;
}

function progressOf(state: SyncState | undefined, count: number, now: number): SyncProgress {
  const readTo = state?.readTo ?? null;
  const lag = readTo === null ? null : Math.max(0, Math.round((now - readTo) / 1000));
  return { cursor: isoOrNull(readTo), lastSuccess: isoOrNull(state?.lastSuccess ?? null), lag, count };
}

const counted = (table: string, where = "") => `(SELECT count(*) FROM (SELECT 1 FROM ${table} WHERE tenant = ?1 AND site = ?2 ${where} LIMIT 100000))`;

const countsSql = `
  SELECT ${counted("shop_orders")} AS orders, ${counted("shop_products", "AND deleted IS NULL")} AS products,
    ${counted("shop_products", "AND deleted IS NOT NULL")} AS deleted, ${counted("shop_events")} AS events`;
