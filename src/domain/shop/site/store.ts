import type { ShopResource } from "../../../providers/shop/row-types";
import type { PageSizes, ShopSettings } from "../../../providers/shop/shop";
import { siteRows, type SiteScope, siteStatement } from "../scope";
import { hourMs, minuteMs } from "../../../time/day";

export type SyncKind = "orders" | "products";

/** A shop's settings and the progress of its syncs. Times in milliseconds. */
export interface SiteState {
  connected: number;
  settings: ShopSettings | null;
  settingsAt: number | null;
  orders: SyncState;
  products: SyncState;
  /** Number of quantity rows in the shop's last complete list; null before the first. */
  stockRows: number | null;
  /** Page sizes of the newest run. */
  pageSizes: PageSizes | null;
  paused: SitePause | null;
  /** Why the newest run stopped; null once a call succeeded. */
  lastError: { at: number; reason: string } | null;
  /** When a call was last slow; null: none was. */
  slowAt: number | null;
  /** Whether there are unreadable rows. */
  hasUnreadable: boolean;
  /** Resources that the key may not read, as of the last call, with the reason. */
  refused: Map<ShopResource, string>;
}

export interface SyncState {
  /** All changes up to this time are stored; null before the first run ended. */
  readTo: number | null;
  lastSuccess: number | null;
  /** When the rows that its rows name (states, suppliers, …) were last read completely. */
  listsAt: number | null;
  /** When the ids of all its rows were last compared with the stored ones. */
  comparedAt: number | null;
}

/** Paused: no call can succeed before an operator acts. */
export interface SitePause {
  at: number;
  reason: string;
  /** No job calls the shop before this time. */
  probeAt: number;
}

/** A paused shop is tried again by one job after this time: the merchant may have corrected it. */
const probeEveryMs = hourMs;

export async function siteState(scope: SiteScope): Promise<SiteState | null> {
  const [row] = await siteRows<Row>(scope, stateSql);
  return row ? fromRow(row) : null;
}

/** Creates the state of a site that was set, and ends its pause. A shop at another address (`moved`) starts again. */
export async function connect(scope: SiteScope, moved: boolean, now: number): Promise<void> {
  const upsert = siteStatement(
    scope,
    `INSERT INTO shop_sites (tenant, site, connected) VALUES (?1, ?2, ?3)
     ON CONFLICT (tenant, site) DO UPDATE SET paused_at = NULL, paused_reason = NULL, probe_at = NULL, error_at = NULL, error_reason = NULL, settings = NULL, settings_at = NULL`,
    now,
  );
  const restart = siteStatement(
    scope,
    `UPDATE shop_sites SET connected = ?3, orders_to = NULL, orders_at = NULL, orders_lists_at = NULL, products_to = NULL, products_at = NULL,
      products_lists_at = NULL, stock_rows = NULL, compared_at = NULL, orders_compared_at = NULL, page_sizes = NULL WHERE tenant = ?1 AND site = ?2`,
    now,
  );
  await scope.db.batch(moved ? [upsert, restart] : [upsert]);
}

/** Pauses a shop; returns when it is tried again. A repeated pause keeps its first time. */
export async function pause(scope: SiteScope, reason: string, now: number): Promise<number> {
  const until = now + probeEveryMs;
  await siteStatement(
    scope,
    `INSERT INTO shop_sites (tenant, site, connected, paused_at, paused_reason, probe_at) VALUES (?1, ?2, ?4, ?4, ?3, ?5)
     ON CONFLICT (tenant, site) DO UPDATE SET paused_at = coalesce(paused_at, excluded.paused_at), paused_reason = excluded.paused_reason, probe_at = excluded.probe_at`,
    reason,
    now,
    until,
  ).run();
  return until;
}

/** True for the one job that may try a paused shop now; the others wait for its result. */
export async function takeProbe(scope: SiteScope, now: number): Promise<boolean> {
  const sql = "UPDATE shop_sites SET probe_at = ?4 WHERE tenant = ?1 AND site = ?2 AND paused_at IS NOT NULL AND probe_at <= ?3";
  const { meta } = await siteStatement(scope, sql, now, now + 5 * minuteMs).run();
  return meta.changes > 0;
}

/** Records why a run stopped. */
export async function recordFailure(scope: SiteScope, reason: string, now: number): Promise<void> {
  const sql = `
    INSERT INTO shop_sites (tenant, site, connected, error_at, error_reason) VALUES (?1, ?2, ?4, ?4, ?3)
    ON CONFLICT (tenant, site) DO UPDATE SET error_at = excluded.error_at, error_reason = excluded.error_reason`;
  await siteStatement(scope, sql, reason, now).run();
}

/** Clears the last error after a successful call. */
export async function clearFailure(scope: SiteScope): Promise<void> {
  await siteStatement(scope, "UPDATE shop_sites SET error_at = NULL, error_reason = NULL WHERE tenant = ?1 AND site = ?2").run();
}

/** Ends a pause. False: it was not paused. */
export async function resume(scope: SiteScope): Promise<boolean> {
  const sql = `UPDATE shop_sites SET paused_at = NULL, paused_reason = NULL, probe_at = NULL WHERE tenant = ?1 AND site = ?2 AND paused_at IS NOT NULL`;
  const { meta } = await siteStatement(scope, sql).run();
  return meta.changes > 0;
}

export async function keepSettings(scope: SiteScope, settings: ShopSettings, now: number): Promise<void> {
  const sql = `
    INSERT INTO shop_sites (tenant, site, connected, settings, settings_at) VALUES (?1, ?2, ?4, ?3, ?4)
    ON CONFLICT (tenant, site) DO UPDATE SET settings = excluded.settings, settings_at = excluded.settings_at`;
  await siteStatement(scope, sql, JSON.stringify({ ...settings, timeZone: settings.timezone }), now).run();
}

/** Records a slow call. */
export async function recordSlowCall(scope: SiteScope, now: number): Promise<void> {
  const sql = `
    INSERT INTO shop_sites (tenant, site, connected, slow_at) VALUES (?1, ?2, ?3, ?3)
    ON CONFLICT (tenant, site) DO UPDATE SET slow_at = excluded.slow_at`;
  await siteStatement(scope, sql, now).run();
}

export function listsRead(scope: SiteScope, kind: SyncKind, now: number): D1PreparedStatement {
  return siteStatement(scope, `UPDATE shop_sites SET ${kind}_lists_at = ?3 WHERE tenant = ?1 AND site = ?2`, now);
}

/** The statement that records the comparison of all ids. */
export function compared(scope: SiteScope, kind: SyncKind, now: number): D1PreparedStatement {
  return siteStatement(scope, `UPDATE shop_sites SET ${comparedAt[kind]} = ?3 WHERE tenant = ?1 AND site = ?2`, now);
}

const comparedAt: Record<SyncKind, string> = { orders: "orders_compared_at", products: "compared_at" };

interface ReadSpan {
  from: number;
  to: number;
  pageSizes: PageSizes;
  /** Undefined: they were not read completely. */
  stockRows?: number | undefined;
}

/** The statement that moves `readTo` to `to`, unless the range would leave a gap after the stored one. */
export function spanRead(scope: SiteScope, kind: SyncKind, { from, to, pageSizes, stockRows }: ReadSpan, now: number): D1PreparedStatement {
  return siteStatement(scope, spanSql[kind], from, to, now, JSON.stringify(pageSizes), stockRows ?? null);
}

const stateSql = `
  SELECT s.*, EXISTS (SELECT 1 FROM shop_unreadable u WHERE u.tenant = ?1 AND u.site = ?2) AS unreadable,
    (SELECT json_group_object(r.resource, r.reason) FROM shop_refusals r WHERE r.tenant = ?1 AND r.site = ?2) AS refused
  FROM shop_sites s WHERE s.tenant = ?1 AND s.site = ?2`;

const spanSqlOf = (kind: SyncKind) => `
  INSERT INTO shop_sites (tenant, site, connected, ${kind}_to, ${kind}_at, page_sizes, stock_rows) VALUES (?1, ?2, ?5, ?4, ?5, ?6, ?7)
  ON CONFLICT (tenant, site) DO UPDATE SET ${kind}_at = ?5, page_sizes = ?6, stock_rows = coalesce(?7, stock_rows),
    ${comparedAt[kind]} = coalesce(${comparedAt[kind]}, ?5), ${kind}_to = CASE WHEN ${kind}_to IS NULL OR (?3 <= ${kind}_to AND ?4 > ${kind}_to) THEN ?4 ELSE ${kind}_to END`;

const spanSql: Record<SyncKind, string> = { orders: spanSqlOf("orders"), products: spanSqlOf("products") };

interface Row {
  connected: number;
  settings: string | null;
  settings_at: number | null;
  orders_to: number | null;
  orders_at: number | null;
  orders_lists_at: number | null;
  products_to: number | null;
  products_at: number | null;
  products_lists_at: number | null;
  stock_rows: number | null;
  compared_at: number | null;
  orders_compared_at: number | null;
  unreadable: number;
  refused: string;
  page_sizes: string | null;
  paused_at: number | null;
  paused_reason: string | null;
  probe_at: number | null;
  error_at: number | null;
  error_reason: string | null;
  slow_at: number | null;
}

/** Stored rows may have the time zone under its former name. */
function settingsFrom(text: string): ShopSettings {
  const { timeZone, ...settings } = JSON.parse(text) as ShopSettings & { timeZone: string };
  return { ...settings, timezone: timeZone };
}

function fromRow(row: Row): SiteState {
  return {
    connected: row.connected,
    settings: row.settings === null ? null : settingsFrom(row.settings),
    settingsAt: row.settings_at,
    orders: { readTo: row.orders_to, lastSuccess: row.orders_at, listsAt: row.orders_lists_at, comparedAt: row.orders_compared_at },
    products: { readTo: row.products_to, lastSuccess: row.products_at, listsAt: row.products_lists_at, comparedAt: row.compared_at },
    stockRows: row.stock_rows,
    pageSizes: row.page_sizes === null ? null : (JSON.parse(row.page_sizes) as PageSizes),
    slowAt: row.slow_at,
    hasUnreadable: row.unreadable === 1,
    refused: new Map(Object.entries(JSON.parse(row.refused) as Record<ShopResource, string>) as [ShopResource, string][]),
    lastError: row.error_at === null ? null : { at: row.error_at, reason: row.error_reason ?? "" },
    paused: row.paused_at === null ? null : { at: row.paused_at, reason: row.paused_reason ?? "", probeAt: row.probe_at ?? row.paused_at },
  };
}
