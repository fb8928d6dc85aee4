import type { Product } from "../../providers/shop/rows";
import type { PageRequest, Unreadable } from "../../providers/shop/shop";
import { ok, type Reply } from "../../queue/effect";
import type { ProductPage } from "./products";
import type { Detail } from "./rows";
import type { Visit, VisitContext } from "./visit";

/** A page of products as it was read, with the statements that store it. */
export interface ReadProducts {
  writes: readonly unknown[];
  lastId: number;
  more: boolean;
  products: number;
  unreadable: readonly Unreadable[];
}

/** Reads one page of products with their combinations, quantities and (`linkVendors`) suppliers. */
export async function readProductPage(
  context: VisitContext,
  visit: Visit,
  linkVendors: boolean,
  request: Omit<PageRequest, "signal">,
): Promise<Reply<ReadProducts>> {
  const readAt = context.now();
  const page = await visit.shop.page("products", { ...request, signal: context.signal });
  if (!page.ok) return page;
  const { rows, lastId, more, unreadable } = page.value;
  const whole = await withDetails(context, visit, rows, linkVendors, readAt);
  if (!whole.ok) return whole;
  return ok({ writes: visit.data.productWrites(whole.value, context.now()), lastId, more, products: rows.length, unreadable });
}

async function withDetails(
  context: VisitContext,
  { shop }: Visit,
  products: readonly Product[],
  linkVendors: boolean,
  readAt: number,
): Promise<Reply<ProductPage>> {
  const values = products.map(({ id }) => id);
  if (values.length === 0) return ok({ products, details: [], stock: [], readAt });
  const combinations = await shop.find("combinations", { field: "id_product", values }, context.signal);
  if (!combinations.ok) return combinations;
  const stock = await shop.find("stock_availables", { field: "id_product", values }, context.signal);
  if (!stock.ok) return stock;
  const details = byProduct("combinations", values, combinations.value.rows);
  if (!linkVendors) return ok({ products, details, stock: stock.value.rows, readAt });
  const suppliers = await shop.find("product_suppliers", { field: "id_product", values }, context.signal);
  if (!suppliers.ok) return suppliers;
  return ok({ products, details: [...details, ...byProduct("product_suppliers", values, suppliers.value.rows)], stock: stock.value.rows, readAt });
}

function byProduct(resource: Detail["resource"], products: readonly number[], rows: readonly { productId: number | null }[]): Detail[] {
  const groups = Map.groupBy(rows, ({ productId }) => productId);
  return products.map((id) => ({ resource, owner: String(id), rows: groups.get(id) ?? [] }));
}
