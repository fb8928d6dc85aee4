import type { Stock } from "../../../providers/shop/row-types";
import { changeNumberSql, takeNumbers } from "../change-numbers";
import { roundQuantity } from "../../../decimal";
import { perChunk, siteRows, type SiteScope, siteStatement } from "../scope";

/** Statements that store quantities. A different quantity counts as a change of the product; running out adds an event. */
export function stockWrites(scope: SiteScope, stock: readonly Stock[], readAt: number, now: number): D1PreparedStatement[] {
  const items = stockItems(stock);
  if (items.length === 0) return [];
  const products = new Set(items.map(([, product]) => product)).size;
  return [
    takeNumbers(scope, products, now),
    ...perChunk(scope, outSql, items, readAt, now, products),
    ...perChunk(scope, bumpSql, items, readAt, products),
    ...perChunk(scope, upsertSql, items, readAt),
  ];
}

/** Statements that delete stored quantities of these products that are not in `stock`, which is complete. A deleted product has none. */
export function staleStockWrites(scope: SiteScope, products: readonly number[], stock: readonly Stock[], readAt: number): D1PreparedStatement[] {
  const kept = [...new Set(stock.map(stockKey))];
  return products.length === 0 ? [] : [siteStatement(scope, staleSql, JSON.stringify(products), JSON.stringify(kept), readAt)];
}

export function stockKey({ productId, productAttributeId }: Pick<Stock, "productId" | "productAttributeId">): string {
  return `${productId}/${productAttributeId ?? 0}`;
}

/** Keys of the stored quantities of these products. */
export async function storedStock(scope: SiteScope, products: readonly number[]): Promise<string[]> {
  const rows = await siteRows<{ product: number; combination: number }>(scope, storedSql, JSON.stringify(products));
  return rows.map(({ product, combination }) => stockKey({ productId: product, productAttributeId: combination }));
}

type Item = [nth: number, product: number, combination: number, quantity: number];

/**
 * One item a product and combination: where shops share a catalogue each has a row, and the quantities are added. Where one of them cannot
 * be read the sum is unknown, and the stored quantity stays.
 */
function stockItems(stock: readonly Stock[]): Item[] {
  const unknown = new Set(stock.filter(({ quantity }) => quantity === null).map(stockKey));
  const order = new Map<number, number>();
  const items = new Map<string, Item>();
  for (const row of stock) {
    const { productId, productAttributeId, quantity } = row;
    const key = stockKey(row);
    if (productId === null || quantity === null || unknown.has(key)) continue;
    const nth = order.get(productId) ?? order.size + 1;
    order.set(productId, nth);
    items.set(key, [nth, productId, productAttributeId ?? 0, roundQuantity(quantity + (items.get(key)?.[3] ?? 0))]);
  }
  return [...items.values()];
}

const differs = "s.quantity <> e.value ->> 3 AND s.read_at <= ?4";
const stored = "JOIN shop_stock s ON s.tenant = ?1 AND s.site = ?2 AND s.product = e.value ->> 1 AND s.combination = e.value ->> 2";

/** Events of products that are out of stock as a whole: other combinations may still be available. */
const outSql = `
  INSERT INTO shop_events (tenant, site, id, type, at, data)
  SELECT ?1, ?2, 'product/' || (e.value ->> 1) || '/out/' || (${changeNumberSql("(e.value ->> 0)", "?6")}), 'product.out_of_stock', ?5,
    json_object('siteId', ?2, 'productId', e.value ->> 1, 'reference', p.reference, 'name', p.name, 'quantity', e.value ->> 3)
  FROM json_each(?3) e CROSS ${stored}
  CROSS JOIN shop_products p ON p.tenant = ?1 AND p.site = ?2 AND p.id = e.value ->> 1
  WHERE e.value ->> 2 = 0 AND s.quantity > 0 AND e.value ->> 3 <= 0 AND ${differs} ON CONFLICT DO NOTHING`;

const bumpSql = `
  UPDATE shop_products SET changed = ${changeNumberSql("t.nth", "?5")}
  FROM (SELECT DISTINCT e.value ->> 1 AS product, e.value ->> 0 AS nth FROM json_each(?3) e CROSS ${stored} WHERE ${differs}) t
  WHERE shop_products.tenant = ?1 AND shop_products.site = ?2 AND shop_products.id = t.product`;

const upsertSql = `
  INSERT INTO shop_stock (tenant, site, product, combination, quantity, read_at)
  SELECT ?1, ?2, value ->> 1, value ->> 2, value ->> 3, ?4 FROM json_each(?3) WHERE true
  ON CONFLICT DO UPDATE SET quantity = excluded.quantity, read_at = excluded.read_at
  WHERE shop_stock.quantity <> excluded.quantity AND shop_stock.read_at <= excluded.read_at`;

const staleSql = `
  DELETE FROM shop_stock WHERE tenant = ?1 AND site = ?2 AND product IN (SELECT value FROM json_each(?3)) AND read_at <= ?5
    AND product || '/' || combination NOT IN (SELECT value FROM json_each(?4))`;

const storedSql = `
  SELECT s.product, s.combination FROM json_each(?3) e CROSS JOIN shop_stock s ON s.tenant = ?1 AND s.site = ?2 AND s.product = e.value`;
