import type { Order, ShopRows } from "../../providers/shop/rows";
import type { Lookup, PageRequest, Unreadable } from "../../providers/shop/shop";
import { ok, type Reply } from "../../queue/effect";
import type { OrderPage } from "./orders";
import type { Detail, Named } from "./rows";
import type { Visit, VisitContext } from "./visit";

/** A page of orders as it was read, with the statements that store it. */
export interface ReadPage {
  writes: readonly unknown[];
  lastId: number;
  more: boolean;
  orders: number;
  /** Those that are not stored like that yet. */
  changed: number;
  unreadable: readonly Unreadable[];
}

/** Reads one page and, for the orders that changed, what an order page shows besides. */
export async function readOrderPage(context: VisitContext, visit: Visit, request: Omit<PageRequest, "signal">): Promise<Reply<ReadPage>> {
  const readAt = context.now();
  const page = await visit.shop.page("orders", { ...request, signal: context.signal });
  if (!page.ok) return page;
  const changed = await visit.data.changedOrders(page.value.rows);
  const around = await readAround(context, visit, changed, readAt);
  if (!around.ok) return around;
  const { lastId, more, rows, unreadable } = page.value;
  const writes = visit.data.orderWrites(around.value, context.now());
  return ok({ writes, lastId, more, orders: rows.length, changed: changed.length, unreadable });
}

/** Customers, addresses, payments and carriers of orders. */
export async function readAround(context: VisitContext, visit: Visit, orders: readonly Order[], readAt: number): Promise<Reply<OrderPage>> {
  if (orders.length === 0) return ok({ orders, named: {}, details: [], readAt });
  const named = await readNamed(context, visit, orders);
  if (!named.ok) return named;
  const details = await readDetails(context, visit, orders);
  if (!details.ok) return details;
  return ok({ orders, named: named.value, details: details.value, readAt });
}

async function readNamed(context: VisitContext, visit: Visit, orders: readonly Order[]): Promise<Reply<OrderPage["named"]>> {
  const all = (field: keyof Order) => new Set(orders.map((order) => order[field] as number | null));
  const found: OrderPage["named"] = {};
  const customers = await byId(context, visit, "customers", all("customerId"));
  if (!customers.ok) return customers;
  found.customers = customers.value;
  const addresses = await byId(context, visit, "addresses", new Set([...all("deliveryAddressId"), ...all("invoiceAddressId")]));
  if (!addresses.ok) return addresses;
  found.addresses = addresses.value;
  const lists: [Exclude<Named, "customers" | "addresses" | "manufacturers" | "suppliers">, Set<number | null>][] = [
    ["order_states", all("stateId")],
    ["currencies", all("currencyId")],
    ["carriers", all("carrierId")],
    ["countries", new Set(addresses.value.map(({ countryId }) => countryId))],
  ];
  for (const [resource, ids] of lists) {
    const rows = await byId(context, visit, resource, await visit.data.missing(resource, ids));
    if (!rows.ok) return rows;
    Object.assign(found, { [resource]: rows.value });
  }
  return ok(found);
}

async function byId<R extends Named>(
  context: VisitContext,
  { shop }: Visit,
  resource: R,
  ids: Iterable<number | null>,
): Promise<Reply<readonly ShopRows[R][]>> {
  const values = [...ids].filter((id) => id !== null);
  if (values.length === 0) return ok([]);
  const found = await shop.find(resource, { field: "id", values } as Lookup<R>, context.signal);
  return found.ok ? ok(found.value.rows) : found;
}

/** A payment names an order's reference, which several orders may share. */
async function readDetails(context: VisitContext, { shop }: Visit, orders: readonly Order[]): Promise<Reply<Detail[]>> {
  const references = [...new Set(orders.map(({ reference }) => reference))].filter((reference) => reference !== "");
  const payments = await shop.find("order_payments", { field: "order_reference", values: references }, context.signal);
  if (!payments.ok) return payments;
  const carriers = await shop.find("order_carriers", { field: "id_order", values: orders.map(({ id }) => id) }, context.signal);
  if (!carriers.ok) return carriers;
  const paid = Map.groupBy(payments.value.rows, ({ orderReference }) => orderReference);
  const carried = Map.groupBy(carriers.value.rows, ({ orderId }) => orderId);
  return ok([
    ...references.map((owner): Detail => ({ resource: "order_payments", owner, rows: paid.get(owner) ?? [] })),
    ...orders.map(({ id }): Detail => ({ resource: "order_carriers", owner: String(id), rows: carried.get(id) ?? [] })),
  ]);
}
