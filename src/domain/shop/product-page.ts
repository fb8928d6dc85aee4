import type { Product, ProductSupplier } from "../../providers/shop/rows";
import type { PageRequest } from "../../providers/shop/shop";
import { ok, type Reply } from "../../queue/effect";
import { missingOf, type SomeNamed } from "./look-up";
import type { ProductPage } from "./products";
import type { Detail } from "./rows";
import type { ReadPage } from "./steps";
import type { Visit, VisitContext } from "./visit";

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
  const whole = await withDetails(context, visit, rows, linkVendors, readAt);
  if (!whole.ok) return whole;
  const writes = visit.data.productWrites(whole.value, context.now());
  return ok({ ...rest, rows: rows.length, stock: whole.value.stock.length, writes });
}

async function withDetails(
  context: VisitContext,
  visit: Visit,
  products: readonly Product[],
  linkVendors: boolean,
  readAt: number,
): Promise<Reply<ProductPage>> {
  const values = products.map(({ id }) => id);
  if (values.length === 0) return ok({ products, details: [], stock: [], readAt });
  const combinations = await visit.shop.find("combinations", { field: "id_product", values }, context.signal);
  if (!combinations.ok) return combinations;
  const stock = await visit.shop.find("stock_availables", { field: "id_product", values }, context.signal);
  if (!stock.ok) return stock;
  const page = { products, details: byProduct("combinations", values, combinations.value.rows), stock: stock.value.rows, readAt };
  if (!linkVendors) return ok(page);
  const offers = await visit.shop.find("product_suppliers", { field: "id_product", values }, context.signal);
  if (!offers.ok) return offers;
  const named = await makersOf(context, visit, products, offers.value.rows);
  if (!named.ok) return named;
  return ok({ ...page, named: named.value, details: [...page.details, ...byProduct("product_suppliers", values, offers.value.rows)] });
}

/** Manufacturers, suppliers and currencies that are not stored yet. */
function makersOf(context: VisitContext, visit: Visit, products: readonly Product[], offers: readonly ProductSupplier[]): Promise<Reply<SomeNamed>> {
  return missingOf(context, visit, [
    ["manufacturers", products.map(({ manufacturerId }) => manufacturerId)],
    ["suppliers", [...products, ...offers].map(({ supplierId }) => supplierId)],
    ["currencies", [visit.state?.settings?.currencyId ?? null, ...offers.map(({ currencyId }) => currencyId)]],
  ]);
}

function byProduct(resource: Detail["resource"], products: readonly number[], rows: readonly { productId: number | null }[]): Detail[] {
  const groups = Map.groupBy(rows, ({ productId }) => productId);
  return products.map((id) => ({ resource, owner: String(id), rows: groups.get(id) ?? [] }));
}
