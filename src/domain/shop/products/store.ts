import type { Product, Stock } from "../../../providers/shop/row-types";
import { changeNumberSql, takeNumbers } from "../change-numbers";
import type { SomeNamed } from "../related-rows";
import { allNamedWrites, type Detail, detailItem, detailWrites } from "../related-rows";
import { perChunk, siteRows, type SiteScope } from "../scope";
import { staleStockWrites, stockWrites } from "./stock";

/** One page of products with their related rows. */
export interface ProductPage {
  products: readonly Product[];
  /** Manufacturers, suppliers and currencies that were not stored. */
  named?: SomeNamed;
  /** Combinations and suppliers, one entry for each product, so that removed ones are deleted here too. */
  details: readonly Detail[];
  stock: readonly Stock[];
  /** `stock` is complete: other stored quantities are deleted. */
  isStockWhole: boolean;
  /** When the page's request was sent. Milliseconds. */
  readAt: number;
}

/** Statements that store a page; they commit with the cursor. */
export function productWrites(scope: SiteScope, page: ProductPage, now: number): D1PreparedStatement[] {
  const { products, named = {}, details, stock, isStockWhole, readAt } = page;
  if (products.length === 0) return [];
  const nth = new Map(products.map(({ id }, index) => [String(id), index + 1]));
  return [
    takeNumbers(scope, products.length, now),
    ...perChunk(
      scope,
      upsertSql,
      products.map((product, index) => productItem(product, index + 1)),
      readAt,
      products.length,
    ),
    ...perChunk(
      scope,
      bumpSql,
      details.map((detail) => [nth.get(detail.owner) ?? 1, ...detailItem(detail)]),
      readAt,
      products.length,
    ),
    ...allNamedWrites(scope, named, readAt),
    ...detailWrites(scope, details, readAt),
    ...stockWrites(scope, stock, readAt, now),
    ...(isStockWhole ? staleStockWrites(scope, [...nth.keys()].map(Number), stock, readAt) : []),
  ];
}

/** Stored products by id. */
export async function storedProducts(scope: SiteScope, ids: readonly number[]): Promise<Map<number, Product>> {
  const rows = await siteRows<{ id: number; body: string }>(scope, storedSql, JSON.stringify(ids));
  return new Map(rows.map(({ id, body }) => [id, JSON.parse(body) as Product]));
}

function productItem(product: Product, nth: number): unknown[] {
  const { id, dateUpd, dateUpdAmbiguous, reference, name, active, manufacturerId, supplierId } = product;
  return [nth, id, dateUpd, dateUpdAmbiguous ? 1 : 0, reference, name, active ? 1 : 0, manufacturerId, supplierId, JSON.stringify(product)];
}

/** As for orders: a date of whole seconds decides unless it is equal, missing or in a repeated hour. */
const newer = `(
  e.value ->> 2 > o.upd
  OR ((e.value ->> 2 IS o.upd OR e.value ->> 2 IS NULL OR o.upd IS NULL OR e.value ->> 3 = 1 OR o.vague = 1) AND ?4 >= o.read_at)
)`;

const upsertSql = `
  INSERT INTO shop_products (tenant, site, id, changed, read_at, upd, vague, reference, name, active, manufacturer, supplier, body)
  SELECT ?1, ?2, e.value ->> 1, ${changeNumberSql("(e.value ->> 0)", "?5")}, ?4, e.value ->> 2, e.value ->> 3, e.value ->> 4, e.value ->> 5,
    e.value ->> 6, e.value ->> 7, e.value ->> 8, e.value ->> 9
  FROM json_each(?3) e LEFT JOIN shop_products o ON o.tenant = ?1 AND o.site = ?2 AND o.id = e.value ->> 1
  WHERE o.id IS NULL OR ((o.body <> e.value ->> 9 OR o.deleted IS NOT NULL) AND ${newer})
  ON CONFLICT DO UPDATE SET changed = excluded.changed, read_at = excluded.read_at, upd = excluded.upd, vague = excluded.vague,
    reference = excluded.reference, name = excluded.name, active = excluded.active, manufacturer = excluded.manufacturer,
    supplier = excluded.supplier, deleted = NULL, body = excluded.body`;

/** Records a change of a product whose combinations or suppliers changed: the shop does not change the product's date. */
const bumpSql = `
  UPDATE shop_products SET changed = ${changeNumberSql("t.nth", "?5")}
  FROM (
    SELECT DISTINCT e.value ->> 0 AS nth, d.owner FROM json_each(?3) e
    CROSS JOIN shop_details d ON d.tenant = ?1 AND d.site = ?2 AND d.resource = e.value ->> 1 AND d.owner = e.value ->> 2
    WHERE d.body <> e.value ->> 3 AND d.read_at <= ?4
  ) t WHERE shop_products.tenant = ?1 AND shop_products.site = ?2 AND shop_products.id = CAST(t.owner AS INTEGER)`;

const storedSql = `
  SELECT p.id, p.body FROM json_each(?3) e CROSS JOIN shop_products p ON p.tenant = ?1 AND p.site = ?2 AND p.id = e.value`;
