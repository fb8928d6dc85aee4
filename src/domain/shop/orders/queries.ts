import { iso, isoOrNull } from "../../../time/iso";
import type { Order } from "../../../providers/shop/row-types";
import { decimalOrNull } from "../../../decimal";
import { details, named } from "../related-rows";
import { type ListPage, readListPage } from "../list";
import { siteRows, type SiteScope } from "../scope";

interface OrderFilter {
  /** Change feed: orders that changed after this, in the order of their changes. Milliseconds. */
  changedAfter?: number | undefined;
  state?: number | undefined;
  customer?: number | undefined;
  reference?: string | undefined;
  /** Part of the reference, or of the id. */
  q?: string | undefined;
  /** When the order was placed: `from` inclusive, `to` exclusive. Milliseconds. */
  from?: number | undefined;
  to?: number | undefined;
  /** The page begins after this id, or change number in the feed. */
  after?: number | undefined;
  limit: number;
}

type OrderView = Awaited<ReturnType<typeof viewsOf>>[number];

/** By id, or by change number in the feed. */
export function listOrders(scope: SiteScope, filter: OrderFilter): Promise<ListPage<OrderView>> {
  const { changedAfter, q, state = null, customer = null, reference = null, from = null, to = null, after, limit } = filter;
  const table = {
    name: "shop_orders",
    position: changedAfter === undefined ? "id" : "changed",
    columns: "changed, deleted, body",
    fits,
    texts: ["id", "reference"],
  } as const;
  const start = after ?? changedAfter ?? 0;
  return readListPage(scope, table, { start, limit, filters: [state, customer, reference, from, to], q }, (rows: readonly OrderRow[]) => viewsOf(scope, rows));
}

/** One order with its customer, addresses, payments and carriers; null when it is not stored. */
export async function orderDetail(scope: SiteScope, id: number) {
  const [row] = await siteRows<OrderRow>(scope, oneSql, id);
  if (!row) return null;
  const [view] = await viewsOf(scope, [row]);
  const order = JSON.parse(row.body) as Order;
  const addresses = await named(scope, "addresses", [order.deliveryAddressId, order.invoiceAddressId]);
  const countries = await named(
    scope,
    "countries",
    [...addresses.values()].map(({ countryId }) => countryId),
  );
  const address = (at: number | null) => {
    const address = addresses.get(at ?? 0);
    return address ? { ...dateless(address), country: countries.get(address.countryId ?? 0)?.isoCode ?? null } : null;
  };
  const customer = (await named(scope, "customers", [order.customerId])).get(order.customerId ?? 0);
  const payments = (await details(scope, "order_payments", [order.reference])).get(order.reference) ?? [];
  const shipments = (await details(scope, "order_carriers", [id])).get(String(id)) ?? [];
  const carriers = await named(scope, "carriers", [order.carrierId, ...shipments.map(({ carrierId }) => carrierId)]);
  return {
    ...view,
    payment: order.payment,
    totals: totalsOf(order),
    customer: customer ? dateless(customer) : null,
    deliveryAddress: address(order.deliveryAddressId),
    invoiceAddress: address(order.invoiceAddressId),
    payments: payments.map(({ method, amount, dateAdd }) => ({ method, amount: decimalOrNull(amount), date: isoOrNull(dateAdd) })),
    shipments: shipments.map(({ carrierId, trackingNumber, dateAdd }) => ({
      carrier: carriers.get(carrierId ?? 0)?.name ?? null,
      trackingNumber,
      date: isoOrNull(dateAdd),
    })),
  };
}

function dateless<Row extends { dateAdd: unknown; dateUpd: unknown; dateUpdAmbiguous: unknown }>(row: Row) {
  const { dateAdd: _, dateUpd: __, dateUpdAmbiguous: ___, ...rest } = row;
  return rest;
}

function totalsOf(order: Order) {
  return {
    paidReal: decimalOrNull(order.totalPaidReal),
    products: decimalOrNull(order.totalProducts),
    productsTaxIncl: decimalOrNull(order.totalProductsTaxIncl),
    shippingTaxIncl: decimalOrNull(order.totalShippingTaxIncl),
    shippingTaxExcl: decimalOrNull(order.totalShippingTaxExcl),
    discountsTaxIncl: decimalOrNull(order.totalDiscountsTaxIncl),
    discountsTaxExcl: decimalOrNull(order.totalDiscountsTaxExcl),
    wrappingTaxIncl: decimalOrNull(order.totalWrappingTaxIncl),
    wrappingTaxExcl: decimalOrNull(order.totalWrappingTaxExcl),
  };
}

interface OrderRow {
  changed: number;
  deleted: number | null;
  body: string;
}

async function viewsOf(scope: SiteScope, rows: readonly OrderRow[]) {
  const orders = rows.map(({ body }) => JSON.parse(body) as Order);
  const states = await named(
    scope,
    "order_states",
    orders.map(({ stateId }) => stateId),
  );
  const currencies = await named(
    scope,
    "currencies",
    orders.map(({ currencyId }) => currencyId),
  );
  return orders.map((order, index) => {
    const state = states.get(order.stateId ?? 0);
    return {
      id: order.id,
      reference: order.reference,
      shopId: order.shopId,
      state: { id: order.stateId ?? 0, name: state?.name ?? null, paid: state?.paid ?? false, shipped: state?.shipped ?? false },
      currency: currencies.get(order.currencyId ?? 0)?.isoCode ?? null,
      totalPaid: decimalOrNull(order.totalPaid),
      totalPaidTaxExcl: decimalOrNull(order.totalPaidTaxExcl),
      // 0 is PrestaShop's id of a guest.
      customerId: order.customerId ?? 0,
      dateAdd: isoOrNull(order.dateAdd),
      dateUpd: isoOrNull(order.dateUpd),
      changedAt: iso(rows[index]?.changed ?? 0),
      deletedAt: isoOrNull(rows[index]?.deleted ?? null),
      lines: order.lines.map((line) => ({
        productId: line.productId ?? 0,
        productAttributeId: line.productAttributeId ?? 0,
        reference: line.reference,
        name: line.name,
        quantity: line.quantity,
        unitPriceTaxExcl: decimalOrNull(line.unitPriceTaxExcl),
      })),
    };
  });
}

const fits = `
  (?5 IS NULL OR state = ?5) AND (?6 IS NULL OR customer = ?6) AND (?7 IS NULL OR reference = ?7)
  AND (?8 IS NULL OR added >= ?8) AND (?9 IS NULL OR added < ?9)`;

const oneSql = "SELECT changed, deleted, body FROM shop_orders WHERE tenant = ?1 AND site = ?2 AND id = ?3";
