import { dayMs } from "../../../time/day";
import type { ShopResource } from "../../../providers/shop/row-types";
import { perChunk, siteRows, type SiteScope, siteStatement } from "../scope";
import type { SyncKind } from "../site/store";

/** The result of reading rows of one resource. */
export interface RowsRead {
  resource: ShopResource;
  /** When the request was sent. Milliseconds. */
  readAt: number;
  /** Rows with an unreadable field, and rows that the shop failed to load. */
  flawed: readonly FlawedRow[];
  /** Rows that were read completely, or requested by id and do not exist. */
  sound: readonly number[];
}

export interface FlawedRow {
  id: number;
  reason: string;
}

/** An unreadable row. */
export interface UnreadableRow extends FlawedRow {
  resource: ShopResource;
}

/** The resources whose unreadable rows each sync reads again. */
export const resourcesOf: Record<SyncKind, readonly ShopResource[]> = {
  orders: ["orders", "order_states", "order_payments", "order_carriers", "carriers", "customers", "addresses", "countries", "currencies"],
  products: ["products", "combinations", "stock_availables", "manufacturers", "suppliers", "product_suppliers"],
};

/** Unreadable rows of a resource that are published as events; further ones are only counted and listed. */
const maxAnnounced = 100;
const maxShown = 20;

/** Statements that record unreadable rows, and delete the records of readable ones. */
export function noteWrites(scope: SiteScope, { resource, readAt, flawed, sound }: RowsRead, now: number): D1PreparedStatement[] {
  const items = flawed.map(({ id, reason }, index) => [index, id, reason]);
  return [
    ...perChunk(scope, eventSql, items, resource, now),
    ...perChunk(scope, noteSql, items, resource, now, readAt),
    ...perChunk(scope, forgetSql, sound, resource, readAt),
  ];
}

/** Some unreadable rows of a resource that were not tried since `before`, the least recent first. */
export async function unreadableIds(scope: SiteScope, resource: ShopResource, before: number, limit: number): Promise<number[]> {
  return (await siteRows<{ id: number }>(scope, againSql, resource, before, limit)).map(({ id }) => id);
}

export async function hasUnreadable(scope: SiteScope, resource: ShopResource): Promise<boolean> {
  return (await siteRows(scope, "SELECT 1 FROM shop_unreadable WHERE tenant = ?1 AND site = ?2 AND resource = ?3 LIMIT 1", resource)).length > 0;
}

/** Unreadable rows as the API shows them, the newest first. */
export async function unreadableView(scope: SiteScope): Promise<{ count: number; newest: UnreadableRow[] }> {
  const [counted] = await siteRows<{ count: number }>(scope, "SELECT count(*) AS count FROM shop_unreadable WHERE tenant = ?1 AND site = ?2");
  const count = counted?.count ?? 0;
  return { count, newest: count === 0 ? [] : await siteRows<UnreadableRow>(scope, newestSql, maxShown) };
}

/** Statements that record that the key may not read a resource, from the beginning of the run (`since`). */
export function refusalWrites(scope: SiteScope, resource: ShopResource, reason: string, since: number): D1PreparedStatement {
  return siteStatement(scope, refusedSql, resource, reason, since);
}

export function allowedWrites(scope: SiteScope, resource: ShopResource): D1PreparedStatement {
  return siteStatement(scope, "DELETE FROM shop_refusals WHERE tenant = ?1 AND site = ?2 AND resource = ?3", resource);
}

/** Statements that record that the key may read a resource again, and mark the rows of the last 40 days that were read without it. */
export function grantedWrites(scope: SiteScope, kind: SyncKind, resource: ShopResource, now: number): D1PreparedStatement {
  return siteStatement(scope, grantedSql(kind), resource, now, now - maxCatchUpMs);
}

const maxCatchUpMs = 40 * dayMs;

export async function refusalReasons(scope: SiteScope): Promise<string[]> {
  const rows = await siteRows<{ reason: string }>(scope, "SELECT reason FROM shop_refusals WHERE tenant = ?1 AND site = ?2 ORDER BY resource");
  return rows.map(({ reason }) => reason);
}

const recordedSql = "SELECT 1 FROM shop_unreadable u WHERE u.tenant = ?1 AND u.site = ?2 AND u.resource = ?4";

const eventSql = `
  INSERT INTO shop_events (tenant, site, id, type, at, data)
  SELECT ?1, ?2, 'unreadable/' || ?4 || '/' || (e.value ->> 1) || '/' || CAST(?5 AS INTEGER), 'shop.row_unreadable', ?5,
    json_object('siteId', ?2, 'resource', ?4, 'rowId', e.value ->> 1, 'reason', e.value ->> 2)
  FROM json_each(?3) e
  WHERE NOT EXISTS (${recordedSql} AND u.id = e.value ->> 1) AND (e.value ->> 0) + (SELECT count(*) FROM (${recordedSql} LIMIT ${maxAnnounced})) < ${maxAnnounced}
  ON CONFLICT DO NOTHING`;

const noteSql = `
  INSERT INTO shop_unreadable (tenant, site, resource, id, reason, since, looked_at)
  SELECT ?1, ?2, ?4, value ->> 1, value ->> 2, ?5, ?6 FROM json_each(?3) WHERE true
  ON CONFLICT DO UPDATE SET reason = excluded.reason, looked_at = max(looked_at, excluded.looked_at)`;

const forgetSql = `
  DELETE FROM shop_unreadable WHERE tenant = ?1 AND site = ?2 AND resource = ?4 AND looked_at <= ?5 AND id IN (SELECT value FROM json_each(?3))`;

const againSql = `
  SELECT id FROM shop_unreadable WHERE tenant = ?1 AND site = ?2 AND resource = ?3 AND looked_at < ?4 ORDER BY looked_at LIMIT ?5`;

const newestSql = "SELECT resource, id, reason FROM shop_unreadable WHERE tenant = ?1 AND site = ?2 ORDER BY since DESC LIMIT ?3";

const refusedSql = `
  INSERT INTO shop_refusals (tenant, site, resource, reason, since) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET reason = excluded.reason`;

const grantedSql = (kind: SyncKind) => `
  INSERT INTO shop_unreadable (tenant, site, resource, id, reason, since, looked_at)
  SELECT ?1, ?2, '${kind}', o.id, 'read without ' || ?3, ?4, 0
  FROM shop_refusals f CROSS JOIN shop_${kind} o ON o.tenant = ?1 AND o.site = ?2
  WHERE f.tenant = ?1 AND f.site = ?2 AND f.resource = ?3 AND o.read_at >= max(f.since, ?5) AND o.deleted IS NULL
  ON CONFLICT DO NOTHING`;
