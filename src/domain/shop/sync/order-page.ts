import type { SomeNamed } from "../related-rows";
import type { Order } from "../../../providers/shop/rows";
import type { PageRequest } from "../../../providers/shop/shop";
import { ok, type Reply } from "../../../queue/effect";
import { byId, missingOf } from "./referenced";
import type { OrderPage } from "../orders/store";
import { readOwned } from "./owned";
import type { Detail } from "../related-rows";
import type { ReadPage } from "./steps";
import type { Visit, VisitContext } from "./session";

/** Reads one page and, for the orders that changed, what an order page shows besides. `changed`: those that are not stored like that yet. */
export async function readOrderPage(context: VisitContext, visit: Visit, request: Omit<PageRequest, "signal">): Promise<Reply<ReadPage & { changed: number }>> {
  const readAt = context.now();
  const page = await visit.shop.page("orders", { ...request, signal: context.signal });
  if (!page.ok) return page;
  const { rows, ...rest } = page.value;
  const changed = await visit.data.changedOrders(rows, rest.unreadable);
  const around = await readAround(context, visit, changed, readAt);
  if (!around.ok) return around;
  return ok({ ...rest, rows: rows.length, changed: changed.length, writes: visit.data.orderWrites(around.value, context.now()) });
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

async function readNamed(context: VisitContext, visit: Visit, orders: readonly Order[]): Promise<Reply<SomeNamed>> {
  const all = (field: "customerId" | "deliveryAddressId" | "invoiceAddressId" | "stateId" | "currencyId" | "carrierId") => orders.map((order) => order[field]);
  const customers = await byId(context, visit, "customers", all("customerId"));
  if (!customers.ok) return customers;
  const addresses = await byId(context, visit, "addresses", [...all("deliveryAddressId"), ...all("invoiceAddressId")]);
  if (!addresses.ok) return addresses;
  const others = await missingOf(context, visit, [
    ["order_states", all("stateId")],
    ["currencies", all("currencyId")],
    ["carriers", all("carrierId")],
    ["countries", addresses.value.map(({ countryId }) => countryId)],
  ]);
  return others.ok ? ok({ customers: customers.value, addresses: addresses.value, ...others.value }) : others;
}

/** A payment names an order's reference, which several orders may share. */
async function readDetails(context: VisitContext, visit: Visit, orders: readonly Order[]): Promise<Reply<Detail[]>> {
  const references = [...new Set(orders.map(({ reference }) => reference))].filter((reference) => reference !== "");
  const payments = await readOwned(context, visit, "order_payments", references);
  if (!payments.ok) return payments;
  const ids = orders.map(({ id }) => id);
  const carriers = await readOwned(context, visit, "order_carriers", ids);
  return carriers.ok ? ok([...payments.value, ...carriers.value]) : carriers;
}
