import { expect, it } from "vitest";
import { ordersDiffer, productsDiffer, type Sides } from "../../scripts/bench/shop/compare.ts";
import type { Row } from "../../scripts/bench/shop/expected.ts";

const line = {
  product_id: 1,
  product_attribute_id: 0,
  product_reference: "P-1",
  product_name: "Mug",
  product_quantity: 2,
  unit_price_tax_excl: "5.000000",
};
const shopOrder = {
  ...{ id: 1, reference: "ABC", id_shop: 1, current_state: 3, id_currency: 1, id_customer: 9, total_paid: "12.000000", total_paid_tax_excl: "10.000000" },
  ...{ date_add: "2026-01-01T00:00:00.000Z", date_upd: "2026-01-01T01:00:00.000Z", order_rows: [line] },
};
const ourOrder = {
  ...{ id: 1, reference: "ABC", shopId: 1, state: { id: 3, name: "Paid", paid: true, shipped: false }, currency: "EUR" },
  ...{ totalPaid: "12.000000", totalPaidTaxExcl: "10.000000", customerId: 9, dateAdd: "2026-01-01T00:00:00.000Z", dateUpd: "2026-01-01T01:00:00.000Z" },
  lines: [{ productId: 1, productAttributeId: 0, reference: "P-1", name: "Mug", quantity: 2, unitPriceTaxExcl: "5.000000" }],
};
const tables: Record<string, object[]> = {
  orders: [shopOrder],
  order_states: [{ id: 3, name: "Paid", paid: true, shipped: false }],
  currencies: [{ id: 1, iso_code: "EUR" }],
};

function sides(orders: object[]): Sides {
  const detail = { totals: {}, customer: null, deliveryAddress: null, invoiceAddress: null, payments: [], shipments: [] };
  return {
    ours: async (path) =>
      path.startsWith("/orders?") ? { orders, products: [], cursor: null } : path.startsWith("/products") ? { products: [], cursor: null } : detail,
    theirs: async (resource) => (tables[resource] ?? []) as Row[],
  };
}

it("rows that are the shop's differ in nothing", async () => {
  expect(await ordersDiffer(sides([ourOrder]))).toEqual([]);
  expect(await productsDiffer(sides([]))).toEqual([]);
});

it.each([
  ["a row that is missing", [], "order 1 is missing"],
  ["a row too many", [ourOrder, { ...ourOrder, id: 2 }], "order 2 is not the shop's"],
  ["a row that is there twice", [ourOrder, ourOrder], "1 rows are listed twice"],
  ["money", [{ ...ourOrder, totalPaid: "12.010000" }], 'order 1.totalPaid is "12.010000" instead of "12.000000"'],
  ["a line that is missing", [{ ...ourOrder, lines: [] }], "order 1.lines is []"],
  ["a quantity", [{ ...ourOrder, lines: [{ ...ourOrder.lines[0], quantity: 1 }] }], "order 1.lines[0].quantity is 1 instead of 2"],
  ["a date", [{ ...ourOrder, dateUpd: "2026-01-01T00:00:00.000Z" }], "order 1.dateUpd is"],
])("%s is found", async (_what, orders, difference) => {
  expect(await ordersDiffer(sides(orders))).toEqual([expect.stringContaining(difference)]);
});

it("an hour is forgiven only where it may be off", async () => {
  const late = { ...ourOrder, dateUpd: "2026-01-01T02:00:00.000Z" };
  expect(await ordersDiffer(sides([late]), { mayBeOff: (date) => date === shopOrder.date_upd })).toEqual([]);
  expect(await ordersDiffer(sides([late]), { mayBeOff: (date) => date === shopOrder.date_add })).toHaveLength(1);
});
