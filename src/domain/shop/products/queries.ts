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
  const products = rows.map(({ body, changed, deleted }) => ({ product: JSON.parse(body) as Product, changed, deleted }));
  const related = await relatedOf(scope, products);
  return products.map((each) => productView(each, related));
}

interface ReadProduct {
  product: Product;
  changed: number;
  deleted: number | null;
}

type Related = Awaited<ReturnType<typeof relatedOf>>;

/** The rows that the views of these products name. */
async function relatedOf(scope: SiteScope, products: readonly ReadProduct[]) {
  const ids = products.map(({ product: { id } }) => id);
  const combinations = await details(scope, "combinations", ids);
  const offers = await details(scope, "product_suppliers", ids);
  const ownManufacturers = products.map(({ product: { manufacturerId } }) => manufacturerId);
  const manufacturers = await named(scope, "manufacturers", ownManufacturers);
  const offered = [...offers.values()].flat();
  const supplierIds = [...offered.map(({ supplierId }) => supplierId), ...products.map(({ product: { supplierId } }) => supplierId)];
  const suppliers = await named(scope, "suppliers", supplierIds);
  const ownCurrencies = offered.map(({ currencyId }) => currencyId);
  const currencies = await named(scope, "currencies", ownCurrencies);
  return { combinations, offers, manufacturers, suppliers, currencies, quantityOf: await quantitiesOf(scope, products) };
}

/** A quantity without a row is 0; null where the shop has stock rows that could not be read: it may be one of them. */
async function quantitiesOf(scope: SiteScope, products: readonly ReadProduct[]) {
  const ids = products.map(({ product: { id } }) => id);
  const quantities = await stockOf(scope, ids);
  const isListed = (key: string, { deleted }: ReadProduct) => quantities.has(key) || deleted !== null;
  const mayBeUnread = products.some((each) => !isListed(`${each.product.id}/0`, each)) && (await hasUnreadable(scope, "stock_availables"));
  return (each: ReadProduct, combination: number): number | null => {
    const key = `${each.product.id}/${combination}`;
    return quantities.get(key) ?? (mayBeUnread && !isListed(key, each) ? null : 0);
  };
}

function productView(each: ReadProduct, related: Related) {
  const { product, changed, deleted } = each;
  const manufacturer = related.manufacturers.get(product.manufacturerId ?? 0);
  return {
    id: product.id,
    reference: product.reference,
    name: product.name,
    price: decimalOrNull(product.price),
    active: product.active ?? false,
    quantity: related.quantityOf(each, 0),
    ean13: product.ean13,
    ...(manufacturer && { manufacturer: { id: manufacturer.id, name: manufacturer.name } }),
    suppliers: supplierViews(product, related),
    combinations: (related.combinations.get(String(product.id)) ?? []).map(({ id, reference, ean13, priceImpact }) => ({
      id,
      reference,
      ean13,
      priceImpact: decimalOrNull(priceImpact),
      price: decimalOrNull(sumOrNull(product.price, priceImpact)),
      quantity: related.quantityOf(each, id),
    })),
    dateUpd: isoOrNull(product.dateUpd),
    changedAt: iso(changed),
    ...(deleted === null ? {} : { deleted: true }),
  };
}

function supplierViews(product: Product, { offers, suppliers, currencies }: Related) {
  const own = offers.get(String(product.id)) ?? [];
  return suppliersOf(product, own).map((id) => ({
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
  }));
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
