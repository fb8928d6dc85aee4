import type { Order } from "../../../providers/shop/row-types";
import type { ShopPageRequest } from "../../../providers/shop/shop";
import { ok, type Reply } from "../../../queue/effect";
import { changedOrders, type OrderPage, orderWrites } from "../orders/store";
import type { Detail, SomeNamed } from "../related-rows";
import { readOwned } from "./owned";
import { byId, missingOf } from "./referenced";
import type { SyncSession } from "./session";
import type { ReadPage } from "./steps";

/** Reads one page and, for changed orders, their related rows. `changed`: orders that differ from the stored ones. */
export async function readOrderPage(session: SyncSession, request: Omit<ShopPageRequest, "signal">): Promise<Reply<ReadPage & { changed: number }>> {
  const readAt = session.now();
  const page = await session.shop.page("orders", { ...request, signal: session.signal });
  if (!page.ok) return page;
  const { rows, ...rest } = page.value;
  const changed = await changedOrders(session.scope, rows, rest.unreadable);
  const around = await readAround(session, changed, readAt);
  if (!around.ok) return around;
  return ok({ ...rest, rows: rows.length, changed: changed.length, writes: orderWrites(session.scope, around.value, session.now()) });
}

/** Customers, addresses, payments and carriers of orders. */
export async function readAround(session: SyncSession, orders: readonly Order[], readAt: number): Promise<Reply<OrderPage>> {
  if (orders.length === 0) return ok({ orders, named: {}, details: [], readAt });
  const named = await readNamed(session, orders);
  if (!named.ok) return named;
  const details = await readDetails(session, orders);
  if (!details.ok) return details;
  return ok({ orders, named: named.value, details: details.value, readAt });
}

async function readNamed(session: SyncSession, orders: readonly Order[]): Promise<Reply<SomeNamed>> {
  const all = (field: "customerId" | "deliveryAddressId" | "invoiceAddressId" | "stateId" | "currencyId" | "carrierId") => orders.map((order) => order[field]);
  const customers = await byId(session, "customers", all("customerId"));
  if (!customers.ok) return customers;
  const addresses = await byId(session, "addresses", [...all("deliveryAddressId"), ...all("invoiceAddressId")]);
  if (!addresses.ok) return addresses;
  const others = await missingOf(session, [
    ["order_states", all("stateId")],
    ["currencies", all("currencyId")],
    ["carriers", all("carrierId")],
    ["countries", addresses.value.map(({ countryId }) => countryId)],
  ]);
  return others.ok ? ok({ customers: customers.value, addresses: addresses.value, ...others.value }) : others;
}

/** A payment names an order's reference, which several orders may share. */
async function readDetails(session: SyncSession, orders: readonly Order[]): Promise<Reply<Detail[]>> {
  const references = [...new Set(orders.map(({ reference }) => reference))].filter((reference) => reference !== "");
  const payments = await readOwned(session, "order_payments", references);
  if (!payments.ok) return payments;
  const ids = orders.map(({ id }) => id);
  const carriers = await readOwned(session, "order_carriers", ids);
  return carriers.ok ? ok([...payments.value, ...carriers.value]) : carriers;
}
