import type { SomeNamed } from "../related-rows";
import type { Product, ProductSupplier, Stock } from "../../../providers/shop/rows";
import type { Found, PageRequest } from "../../../providers/shop/shop";
import { ok, type Reply } from "../../../queue/effect";
import { missingOf } from "./referenced";
import { withKnown } from "../orders/store";
import { failedToLoad, readOwned } from "./owned";
import type { ProductPage } from "../products/store";
import type { ReadPage } from "./steps";
import { stockKey } from "../products/stock";
import type { Visit, VisitContext } from "./session";

/** Reads one page of products with their combinations, quantities and (`linkVendors`) suppliers. `stock`: rows of quantities. */
export async function readProductPage(
  context: VisitContext,
  visit: Visit,
  linkVendors: boolean,
  request: Omit<PageRequest, "signal">,
): Promise<Reply<ReadPage & { stock: number }>> {
  const readAt = context.now();
  const page = await visit.shop.page("products", { ...request, signal: context.signal });
  if (!page.ok) return page;
  const { rows, ...rest } = page.value;
  const whole = await withDetails(context, visit, page.value, linkVendors, readAt);
  if (!whole.ok) return whole;
  const writes = visit.data.productWrites(whole.value, context.now());
  return ok({ ...rest, rows: rows.length, stock: whole.value.stock.length, writes });
}

/** Products that came, with all that belongs to them. */
export async function withDetails(
  context: VisitContext,
  visit: Visit,
  found: Pick<Found<Product>, "rows" | "unreadable">,
  linkVendors: boolean,
  readAt: number,
): Promise<Reply<ProductPage>> {
  const values = found.rows.map(({ id }) => id);
  if (values.length === 0) return ok({ products: [], details: [], stock: [], isStockWhole: true, readAt });
  const products = await completed(visit, found);
  const combinations = await readOwned(context, visit, "combinations", values);
  if (!combinations.ok) return combinations;
  const stock = await readStock(context, visit, values);
  if (!stock.ok) return stock;
  const page = { products, details: combinations.value, ...stock.value, readAt };
  if (!linkVendors) return ok(page);
  const offers = await readOwned(context, visit, "product_suppliers", values);
  if (!offers.ok) return offers;
  const named = await makersOf(
    context,
    visit,
    products,
    offers.value.flatMap(({ rows }) => rows as readonly ProductSupplier[]),
  );
  if (!named.ok) return named;
  return ok({ ...page, named: named.value, details: [...page.details, ...offers.value] });
}

/** A field that cannot be read keeps the value that is stored. */
async function completed({ data }: Visit, { rows, unreadable }: Pick<Found<Product>, "rows" | "unreadable">): Promise<readonly Product[]> {
  if (unreadable.length === 0) return rows;
  const known = await data.storedProducts(unreadable.map(({ id }) => id));
  return rows.map((row) => withKnown(row, unreadable, known.get(row.id)));
}

/** All quantities of these products, or those that came: then none that is stored is taken for gone. */
async function readStock(context: VisitContext, visit: Visit, values: readonly number[]): Promise<Reply<{ stock: readonly Stock[]; isStockWhole: boolean }>> {
  const by = { field: "id_product", values } as const;
  const found = await visit.shop.find("stock_availables", by, context.signal);
  if (!found.ok) return found;
  const came = new Set(found.value.rows.map(stockKey));
  const isDoubtful = (await visit.data.storedStock(values)).some((key) => !came.has(key));
  const missing = await failedToLoad(context, visit, "stock_availables", by, found.value, isDoubtful);
  return missing.ok ? ok({ stock: found.value.rows, isStockWhole: missing.value.size === 0 }) : missing;
}

/** Manufacturers, suppliers and currencies that are not stored yet. */
function makersOf(context: VisitContext, visit: Visit, products: readonly Product[], offers: readonly ProductSupplier[]): Promise<Reply<SomeNamed>> {
  return missingOf(context, visit, [
    ["manufacturers", products.map(({ manufacturerId }) => manufacturerId)],
    ["suppliers", [...products, ...offers].map(({ supplierId }) => supplierId)],
    ["currencies", [visit.state?.settings?.currencyId ?? null, ...offers.map(({ currencyId }) => currencyId)]],
  ]);
}
