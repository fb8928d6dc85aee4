import type { Product, ProductSupplier, Stock } from "../../../providers/shop/row-types";
import type { Found, ShopPageRequest } from "../../../providers/shop/shop";
import { ok, type Reply } from "../../../queue/effect";
import { withKnown } from "../orders/store";
import { stockKey, storedStock } from "../products/stock";
import { type ProductPage, productWrites, storedProducts } from "../products/store";
import type { SomeNamed } from "../related-rows";
import { failedToLoad, readOwned } from "./owned";
import { missingOf } from "./referenced";
import type { SyncSession } from "./session";
import type { ReadPage } from "./steps";

/** Reads one page of products with their combinations, quantities and (`linkVendors`) suppliers. `stock`: rows of quantities. */
export async function readProductPage(
  session: SyncSession,
  linkVendors: boolean,
  request: Omit<ShopPageRequest, "signal">,
): Promise<Reply<ReadPage & { stock: number }>> {
  const readAt = session.now();
  const page = await session.shop.page("products", { ...request, signal: session.signal });
  if (!page.ok) return page;
  const { rows, ...rest } = page.value;
  const whole = await withDetails(session, page.value, linkVendors, readAt);
  if (!whole.ok) return whole;
  const writes = productWrites(session.scope, whole.value, session.now());
  return ok({ ...rest, rows: rows.length, stock: whole.value.stock.length, writes });
}

/** The returned products with their related rows. */
export async function withDetails(
  session: SyncSession,
  found: Pick<Found<Product>, "rows" | "unreadable">,
  linkVendors: boolean,
  readAt: number,
): Promise<Reply<ProductPage>> {
  const values = found.rows.map(({ id }) => id);
  if (values.length === 0) return ok({ products: [], details: [], stock: [], isStockWhole: true, readAt });
  const products = await completed(session, found);
  const combinations = await readOwned(session, "combinations", values);
  if (!combinations.ok) return combinations;
  const stock = await readStock(session, values);
  if (!stock.ok) return stock;
  const page = { products, details: combinations.value, ...stock.value, readAt };
  if (!linkVendors) return ok(page);
  const offers = await readOwned(session, "product_suppliers", values);
  if (!offers.ok) return offers;
  const named = await makersOf(
    session,
    products,
    offers.value.flatMap(({ rows }) => rows as readonly ProductSupplier[]),
  );
  if (!named.ok) return named;
  return ok({ ...page, named: named.value, details: [...page.details, ...offers.value] });
}

/** An unreadable field keeps its stored value. */
async function completed({ scope }: SyncSession, { rows, unreadable }: Pick<Found<Product>, "rows" | "unreadable">): Promise<readonly Product[]> {
  if (unreadable.length === 0) return rows;
  const stored = await storedProducts(
    scope,
    unreadable.map(({ id }) => id),
  );
  return rows.map((row) => withKnown(row, unreadable, stored.get(row.id)));
}

/** All quantities of these products; or, when not all were returned, those that were: then no stored one is deleted. */
async function readStock(session: SyncSession, values: readonly number[]): Promise<Reply<{ stock: readonly Stock[]; isStockWhole: boolean }>> {
  const by = { field: "id_product", values } as const;
  const reply = await session.shop.find("stock_availables", by, session.signal);
  if (!reply.ok) return reply;
  const came = new Set(reply.value.rows.map(stockKey));
  const isDoubtful = (await storedStock(session.scope, values)).some((key) => !came.has(key));
  const missing = await failedToLoad(session, "stock_availables", by, reply.value, isDoubtful);
  return missing.ok ? ok({ stock: reply.value.rows, isStockWhole: missing.value.size === 0 }) : missing;
}

/** Manufacturers, suppliers and currencies that are not stored. */
function makersOf(session: SyncSession, products: readonly Product[], offers: readonly ProductSupplier[]): Promise<Reply<SomeNamed>> {
  return missingOf(session, [
    ["manufacturers", products.map(({ manufacturerId }) => manufacturerId)],
    ["suppliers", [...products, ...offers].map(({ supplierId }) => supplierId)],
    ["currencies", [session.state?.settings?.currencyId ?? null, ...offers.map(({ currencyId }) => currencyId)]],
  ]);
}
