import { column, letters, plan } from "./plan.ts";
import type { Draw } from "./draw.ts";
import { customersOf, secretText } from "./people.ts";
import { itemOf, type Item } from "./products.ts";
import type { ShopSettings } from "./settings.ts";
import type { Kind, Plan, Value } from "./table.ts";

/** Ids mean nothing: in this shop 2 is not "paid". */
const states: readonly [name: string, flags: string, color: string][] = [
  ["Awaiting bank wire", "", "#34209E"],
  ["Delivered", "paid shipped delivery logable invoice", "#01b887"],
  ["Payment accepted", "paid logable invoice", "#3498D8"],
  ["Preparation in progress", "paid logable delivery invoice", "#3498D8"],
  ["Shipped", "paid shipped delivery logable invoice", "#01b887"],
  ["Canceled", "", "#2C3E50"],
  ["Old state", "deleted", ""],
];
const taken = new Set([2, 3, 4, 5]);

interface Sold extends Item {
  id: number;
  quantity: number;
}

export function orderPlans(settings: ShopSettings, draw: Draw): Plan[] {
  const { orders } = settings;
  const of = orderFacts(settings, draw);
  return [
    plan(
      "orders",
      "order",
      orders,
      {
        id_address_delivery: column("int", (id) => Math.min(of.customer(id), customersOf(settings))),
        id_address_invoice: column("int", (id) => Math.min(of.customer(id), customersOf(settings))),
        id_cart: column("int", (id) => id),
        id_currency: column("int", (id) => (id % 9 === 0 ? 2 : 1)),
        id_lang: column("int", () => 1),
        id_customer: column("int", of.customer),
        id_carrier: column("int", () => 2),
        current_state: column("int", of.state),
        module: column("text", () => "ps_wirepayment"),
        invoice_number: column("int", (id) => (taken.has(of.state(id)) ? id : 0)),
        invoice_date: column("date", (id) => (taken.has(of.state(id)) ? of.added(id) : null)),
        delivery_number: column("int", () => 0),
        delivery_date: column("date", () => null),
        valid: column("flag", (id) => (taken.has(of.state(id)) ? 1 : 0)),
        date_add: column("date", of.added),
        date_upd: column("date", of.updated),
        shipping_number: column("dynamic", () => ""),
        id_shop_group: column("int", () => 1),
        id_shop: column("int", () => 1),
        secure_key: column("text", () => secretText),
        payment: column("text", () => "Bank transfer"),
        recyclable: column("flag", () => 0),
        gift: column("flag", () => 0),
        gift_message: column("text", () => ""),
        total_discounts: column("decimal", of.discount),
        total_discounts_tax_incl: column("decimal", of.discount),
        total_discounts_tax_excl: column("decimal", (id) => (of.discount(id) / 12) * 10),
        total_paid: column("decimal", of.paid),
        total_paid_tax_incl: column("decimal", of.paid),
        total_paid_tax_excl: column("decimal", (id) => (of.paid(id) / 12) * 10),
        total_paid_real: column("decimal", of.received),
        total_products: column("decimal", of.goods),
        total_products_wt: column("decimal", (id) => (of.goods(id) / 10) * 12),
        total_shipping: column("decimal", () => 6_000_000),
        total_shipping_tax_incl: column("decimal", () => 6_000_000),
        total_shipping_tax_excl: column("decimal", () => 5_000_000),
        total_wrapping: column("decimal", () => 0),
        total_wrapping_tax_incl: column("decimal", () => 0),
        total_wrapping_tax_excl: column("decimal", () => 0),
        conversion_rate: column("decimal", (id) => (id % 9 === 0 ? 1_120_000 : 1_000_000)),
        reference: column("text", of.reference),
        // As modules add them.
        ref_id: column("text", () => "module"),
      },
      { order_rows: { one: "order_row", rows: (id) => of.lines(id).map(shown) } },
    ),
    statePlan(),
    plan("order_payments", "order_payment", orders, {
      id_currency: column("int", (id) => (id % 9 === 0 ? 2 : 1)),
      order_reference: column("text", of.reference),
      amount: column("decimal", of.received),
      payment_method: column("text", () => "Bank transfer"),
      transaction_id: column("text", () => ""),
      date_add: column("date", of.added),
    }),
    plan("order_carriers", "order_carrier", orders, {
      id_order: column("int", (id) => id),
      id_carrier: column("int", () => 2),
      id_order_invoice: column("int", () => 0),
      weight: column("decimal", () => 300_000),
      shipping_cost_tax_excl: column("decimal", () => 5_000_000),
      shipping_cost_tax_incl: column("decimal", () => 6_000_000),
      tracking_number: column("text", (id) => (of.state(id) === 5 ? `TRACK${id}` : "")),
      date_add: column("date", of.added),
    }),
    plan("carriers", "carrier", 2, {
      id_reference: column("int", (id) => id),
      name: column("text", (id) => (id === 1 ? "0" : "Parcel")),
      active: column("flag", () => 1),
      deleted: column("flag", () => 0),
      url: column("text", () => "https://parcel.example/@"),
      shipping_method: column("number", () => 2),
    }),
  ];
}

/** What the rows of an order agree on. */
function orderFacts(settings: ShopSettings, draw: Draw) {
  const { orders, products, until, spanDays } = settings;
  const customers = customersOf(settings);
  const lines = (id: number): Sold[] =>
    Array.from({ length: products === 0 ? 0 : 1 + draw("lines", id, 4) }, (_, at) => {
      const line = id * 10 + at;
      return { ...itemOf(draw, 1 + draw("sold", line, products), draw("choice", line, 3)), id: line, quantity: 1 + draw("quantity", line, 3) };
    });
  const added = (id: number) => Math.floor((until - spanDays * 86_400_000 * (1 - Math.min(1, id / Math.max(1, orders)))) / 1000) * 1000;
  const goods = (id: number) => lines(id).reduce((sum, { price, quantity }) => sum + price * quantity, 0);
  const discount = (id: number) => (id % 40 === 0 ? 6_000_000 : 0);
  const paid = (id: number) => (goods(id) / 10) * 12 + 6_000_000 - discount(id);
  const state = (id: number) => 1 + draw("state", id, 6);
  return {
    lines,
    added,
    goods,
    discount,
    paid,
    state,
    // Within three days, none of them later than the shop's end.
    updated: (id: number) => added(id) + draw("order upd", id, Math.min(3 * 86_400, Math.floor((until - added(id)) / 1000))) * 1000,
    // The last one is a customer whom the merchant deleted.
    customer: (id: number) => 1 + draw("customer", id, customers + 1),
    // One cart that was split into two orders.
    reference: (id: number) => letters(draw, "reference", id % 17 === 0 ? id - 1 : id, 9),
    // Some paid twice.
    received: (id: number) => (taken.has(state(id)) ? paid(id) * (id % 50 === 0 ? 2 : 1) : 0),
  };
}

function statePlan(): Plan {
  const flags = ["paid", "shipped", "delivery", "logable", "invoice", "deleted", "hidden", "send_email", "unremovable"];
  const columns = flags.map((flag) => [flag, column("flag", (id) => (states[id - 1]?.[1].split(" ").includes(flag) ? 1 : 0))]);
  return plan("order_states", "order_state", states.length, {
    name: column("words", (id) => states[id - 1]?.[0] ?? ""),
    color: column("text", (id) => states[id - 1]?.[2] ?? ""),
    template: column("words", () => ""),
    ...Object.fromEntries(columns),
  });
}

function shown({ id, productId, attributeId, quantity, name, reference, price }: Sold): Record<string, { kind: Kind; value: Value }> {
  const int = (value: number) => ({ kind: "int" as const, value });
  const text = (value: string) => ({ kind: "text" as const, value });
  const decimal = (value: number) => ({ kind: "decimal" as const, value });
  return {
    id: int(id),
    product_id: int(productId),
    product_attribute_id: int(attributeId),
    product_quantity: int(quantity),
    product_name: text(name),
    product_reference: text(reference),
    product_ean13: text(""),
    product_isbn: text(""),
    product_upc: text(""),
    product_price: decimal(price),
    id_customization: int(0),
    unit_price_tax_incl: decimal((price / 10) * 12),
    unit_price_tax_excl: decimal(price),
  };
}
