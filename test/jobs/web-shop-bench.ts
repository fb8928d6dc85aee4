import { env } from "cloudflare:workers";
import { listOrders } from "../../src/domain/shop/orders/queries";
import { listProducts } from "../../src/domain/shop/products/queries";
import { syncView } from "../../src/domain/shop/site/queries";
import { start } from "./fake-shop";
import { createWebBench, naive, WebShop } from "./web-shop";

export const minute = 60_000;

/** The sync of a shop behind the real adapter, 20 minutes between two runs, and what is stored of it. */
export function createWebShopBench(tenant: string, shop: WebShop) {
  const { bench, ...yard } = createWebBench(tenant, shop);
  const scope = { db: env.DB, tenant, site: "main" };
  const run: typeof yard.run = async (...args) => {
    shop.requests.length = 0;
    bench.advance(20 * minute);
    return yard.run(...args);
  };
  const orders = async (filter: object = {}) => (await listOrders(scope, { limit: 100, ...filter })).items;
  const products = async (filter: object = {}) => (await listProducts(scope, { limit: 100, ...filter })).items;
  const site = () => syncView(scope, bench.now());
  const unreadable = async () => (await site()).unreadable;
  return { ...yard, bench, scope, run, orders, products, site, unreadable };
}

export function orderRow(id: number, more: object = {}) {
  const date = naive(start - 24 * 60 * minute + id * 1000);
  const line = { id: String(id * 10), product_id: "1", product_quantity: "1", product_name: "Mug", unit_price_tax_excl: "5.000000" };
  const associations = { order_rows: [line] };
  return {
    id,
    reference: `R${id}`,
    id_customer: id,
    id_currency: 1,
    current_state: 2,
    total_paid: "5.000000",
    date_add: date,
    date_upd: date,
    associations,
    ...more,
  };
}

/** So many orders, each with a customer, a payment and a shipment, and as many products. */
export function shopOf(count: number, version: WebShop["version"] = "8.2"): WebShop {
  const shop = new WebShop();
  shop.version = version;
  const range = Array.from({ length: count }, (_, index) => index + 1);
  shop.put("order_states", [{ id: 2, name: "Paid", paid: 1, shipped: 0, delivery: 0 }]);
  shop.put("currencies", [{ id: 1, iso_code: "EUR", conversion_rate: "1.000000" }]);
  shop.put("carriers", [{ id: 1, name: "Post" }]);
  shop.put("suppliers", [{ id: 1, name: "Clay Ltd", active: 1 }]);
  shop.put(
    "orders",
    range.map((id) => orderRow(id)),
  );
  shop.put(
    "customers",
    range.map((id) => ({ id, email: `c${id}@example.com` })),
  );
  shop.put(
    "order_payments",
    range.map((id) => ({ id, order_reference: `R${id}`, amount: "5.000000", payment_method: "Card" })),
  );
  shop.put(
    "order_carriers",
    range.map((id) => ({ id, id_order: id, id_carrier: 1, tracking_number: `T${id}` })),
  );
  shop.put(
    "products",
    range.map((id) => ({
      id,
      reference: `P${id}`,
      name: `Product ${id}`,
      price: "1.000000",
      active: 1,
      id_supplier: 1,
      date_upd: naive(start - 24 * 60 * minute),
    })),
  );
  shop.put(
    "stock_availables",
    range.map((id) => ({ id, id_product: id, id_product_attribute: 0, quantity: 12 })),
  );
  shop.put(
    "product_suppliers",
    range.map((id) => ({ id, id_product: id, id_supplier: 1, id_currency: 1, product_supplier_reference: `S${id}`, product_supplier_price_te: "0.500000" })),
  );
  return shop;
}

/** As an SQL import does it: no date of change shows it. */
export function mend(shop: WebShop, resource: string, id: number, fields: object) {
  shop.put(resource, [{ ...shop.tables[resource]?.get(id), id, ...fields }]);
}
