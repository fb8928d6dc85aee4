import { iso, isoOrNull } from "../../../time/iso";
import type { Product } from "../../../providers/shop/row-types";
import { decimalOrNull, sumOrNull } from "../../../decimal";
import { type ListPage, readListPage } from "../list";
import { details, named } from "../related-rows";
import { siteRows, type SiteScope } from "../scope";
import { hasUnreadable } from "../sync/unreadable";

interface ProductFilter {
  /** Change feed: products that changed after this, deleted ones too, in the order of their changes. Milliseconds. */
  changedAfter?: number | undefined;
  active?: boolean | undefined;
  reference?: string | undefined;
  /** A part of the name or the reference, or an id. */
  q?: string | undefined;
  manufacturer?: number | undefined;
  /** The default supplier. */
  supplier?: number | undefined;
  /** The page begins after this id, or change number in the feed. */
  after?: number | undefined;
  limit: number;
}

type ProductView = Awaited<ReturnType<typeof viewsOf>>[number];

/** By id, or by change number in the feed. */
export function listProducts(scope: SiteScope, filter: ProductFilter): Promise<ListPage<ProductView>> {
  const { changedAfter, active, q, reference = null, manufacturer = null, supplier = null, after, limit } = filter;
  const isFeed = changedAfter !== undefined;
  const table = {
    name: "shop_products",
    position: isFeed ? "changed" : "id",
    columns: "id, changed, deleted, body",
    fits,
    texts: ["id", "reference", "name"],
  } as const;
  const filters = [active === undefined ? null : Number(active), reference, manufacturer, supplier, isFeed ? null : 1];
  return readListPage(scope, table, { start: after ?? changedAfter ?? 0, limit, filters, q }, (rows: readonly ProductRow[]) => viewsOf(scope, rows));
}

interface ProductRow {
  id: number;
  changed: number;
  deleted: number | null;
  body: string;
}

interface StockRow {
  product: number;
  combination: number;
  quantity: number;
}

async function viewsOf(scope: SiteScope, rows: readonly ProductRow[]) {
  const products = rows.map(({ body }) => JSON.parse(body) as Product);
  const ids = products.map(({ id }) => id);
  const combinations = await details(scope, "combinations", ids);
  const offers = await details(scope, "product_suppliers", ids);
  const manufacturers = await named(
    scope,
    "manufacturers",
    products.map(({ manufacturerId }) => manufacturerId),
  );
  const suppliers = await named(scope, "suppliers", [
    ...[...offers.values()].flat().map(({ supplierId }) => supplierId),
    ...products.map(({ supplierId }) => supplierId),
  ]);
  const currencies = await named(
    scope,
    "currencies",
    [...offers.values()].flat().map(({ currencyId }) => currencyId),
  );
  const quantities = await stockOf(scope, ids);
  const isListed = (key: string, index: number) => quantities.has(key) || rows[index]?.deleted !== null;
  const mayBeUnread = products.some(({ id }, index) => !isListed(`${id}/0`, index)) && (await hasUnreadable(scope, "stock_availables"));
  const quantityOf = (key: string, index: number) => quantities.get(key) ?? (mayBeUnread && !isListed(key, index) ? null : 0);
  return products.map((product, index) => {
    const manufacturer = manufacturers.get(product.manufacturerId ?? 0);
    const own = offers.get(String(product.id)) ?? [];
    return {
      id: product.id,
      reference: product.reference,
      name: product.name,
      price: decimalOrNull(product.price),
      active: product.active ?? false,
      quantity: quantityOf(`${product.id}/0`, index),
      ean13: product.ean13,
      ...(manufacturer && { manufacturer: { id: manufacturer.id, name: manufacturer.name } }),
      suppliers: suppliersOf(product, own).map((id) => ({
        id,
        name: suppliers.get(id)?.name ?? null,
        default: id === product.supplierId,
        references: own
          .filter(({ supplierId }) => supplierId === id)
          .map(({ productAttributeId, reference, price, currencyId }) => ({
            productAttributeId: productAttributeId ?? 0,
            reference,
            price: decimalOrNull(price),
            currency: currencies.get(currencyId ?? 0)?.isoCode ?? null,
          })),
      })),
      combinations: (combinations.get(String(product.id)) ?? []).map(({ id, reference, ean13, priceImpact }) => ({
        id,
        reference,
        ean13,
        priceImpact: decimalOrNull(priceImpact),
        price: decimalOrNull(sumOrNull(product.price, priceImpact)),
        quantity: quantityOf(`${product.id}/${id}`, index),
      })),
      dateUpd: isoOrNull(product.dateUpd),
      changedAt: iso(rows[index]?.changed ?? 0),
      ...(rows[index]?.deleted === null ? {} : { deleted: true }),
    };
  });
}

/** Suppliers with an offer, and the default one even without. */
function suppliersOf({ supplierId }: Product, offers: readonly { supplierId: number | null }[]): number[] {
  const all = [...offers.map((offer) => offer.supplierId), supplierId].filter((id) => id !== null);
  return [...new Set(all)].toSorted((left, right) => left - right);
}

async function stockOf(scope: SiteScope, ids: readonly number[]): Promise<Map<string, number>> {
  const rows = ids.length === 0 ? [] : await siteRows<StockRow>(scope, stockSql, JSON.stringify(ids));
  return new Map(rows.map(({ product, combination, quantity }) => [`${product}/${combination}`, quantity]));
}

const fits = `
  (?5 IS NULL OR active = ?5) AND (?6 IS NULL OR reference = ?6) AND (?7 IS NULL OR manufacturer = ?7)
  AND (?8 IS NULL OR supplier = ?8) AND (?9 IS NULL OR deleted IS NULL)`;

const stockSql = `
  SELECT s.product, s.combination, s.quantity FROM json_each(?3) e CROSS JOIN shop_stock s ON s.tenant = ?1 AND s.site = ?2 AND s.product = e.value`;
