import { dayMs } from "../../../time/day";
import { changeNumberSql, takeNumbers } from "../change-numbers";
import { staleStockWrites } from "../products/stock";
import { perChunk, siteRows, type SiteScope, siteStatement } from "../scope";
import { compared, type SyncKind } from "../site/store";

/** A deleted row stays in the feed for this time. */
const deletedForMs = 90 * dayMs;
const maxPruned = 500;

const tables: Record<SyncKind, string> = { orders: "shop_orders", products: "shop_products" };

/** Stored rows between two ids (`until` null: to the end) that are not in the shop's list. Rows that were read after the list are left out. */
export async function goneIds(
  scope: SiteScope,
  kind: SyncKind,
  listed: readonly number[],
  span: { after: number; until: number | null },
  readAt: number,
): Promise<number[]> {
  const until = span.until ?? Number.MAX_SAFE_INTEGER;
  return (await siteRows<{ id: number }>(scope, goneSql(tables[kind]), JSON.stringify(listed), span.after, until, readAt)).map(({ id }) => id);
}

/** Statements that mark these rows as deleted. */
export function goneWrites(scope: SiteScope, kind: SyncKind, gone: readonly number[], readAt: number, now: number): D1PreparedStatement[] {
  if (gone.length === 0) return [];
  const items = gone.map((id, index) => [index + 1, id]);
  return [
    takeNumbers(scope, gone.length, now),
    ...perChunk(scope, deleteSql(tables[kind]), items, readAt, gone.length),
    ...perChunk(scope, forgetSql, gone, kind),
    ...(kind === "products" ? staleStockWrites(scope, gone, [], readAt) : []),
  ];
}

/** Statements that record the comparison of all ids, and delete the oldest rows that were marked as deleted 90 days ago. */
export function comparedWrites(scope: SiteScope, kind: SyncKind, now: number): D1PreparedStatement[] {
  return [compared(scope, kind, now), ...pruneSql[kind].map((sql) => siteStatement(scope, sql, now - deletedForMs, maxPruned))];
}

const goneSql = (table: string) => `
  SELECT id FROM ${table} WHERE tenant = ?1 AND site = ?2 AND id > ?4 AND id <= ?5 AND deleted IS NULL AND read_at < ?6
    AND id NOT IN (SELECT value FROM json_each(?3))`;

const deleteSql = (table: string) => `
  UPDATE ${table} SET deleted = ?4, changed = ${changeNumberSql("e.nth", "?5")}
  FROM (SELECT value ->> 0 AS nth, value ->> 1 AS id FROM json_each(?3)) e
  WHERE ${table}.tenant = ?1 AND ${table}.site = ?2 AND ${table}.id = e.id AND ${table}.read_at < ?4`;

const forgetSql = "DELETE FROM shop_unreadable WHERE tenant = ?1 AND site = ?2 AND resource = ?4 AND id IN (SELECT value FROM json_each(?3))";

const prunable = (table: string) => `SELECT id FROM ${table} WHERE tenant = ?1 AND site = ?2 AND deleted < ?3 ORDER BY id LIMIT ?4`;
const pruneDetails = (table: string, resources: string) => `
  DELETE FROM shop_details WHERE tenant = ?1 AND site = ?2 AND resource IN (${resources}) AND owner IN (SELECT CAST(id AS TEXT) FROM (${prunable(table)}))`;
const pruneRows = (table: string) => `DELETE FROM ${table} WHERE tenant = ?1 AND site = ?2 AND id IN (${prunable(table)})`;

// Payments are stored by an order's reference, which other orders may share.
const pruneSql: Record<SyncKind, string[]> = {
  orders: [pruneDetails("shop_orders", "'order_carriers'"), pruneRows("shop_orders")],
  products: [pruneDetails("shop_products", "'combinations', 'product_suppliers'"), pruneRows("shop_products")],
};
