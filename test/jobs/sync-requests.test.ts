import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { syncOrders } from "../../src/jobs/sync-orders/job";
import { syncProducts } from "../../src/jobs/sync-products/job";
import { orderDetail } from "../../src/domain/shop/orders/queries";
import { listProducts } from "../../src/domain/shop/products/queries";
import { syncView } from "../../src/domain/shop/site/queries";
import { start } from "./fake-shop";
import { createWebBench, naive, WebShop } from "./web-shop";

/** How many requests a run makes, through the real adapter. */
const minute = 60_000;
const hour = 60 * minute;
const range = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

function world(tenant: string, shop: WebShop) {
  const { bench, ...yard } = createWebBench(tenant, shop);
  const run: typeof yard.run = async (...parameters) => {
    shop.requests.length = 0;
    return yard.run(...parameters);
  };
  return { bench, run };
}

function orderRow(id: number, upd: number, state = 2) {
  const date = naive(upd);
  return { id, reference: `R${id}`, id_customer: id, id_address_delivery: id, id_currency: 1, current_state: state, date_add: date, date_upd: date };
}

function shopOfOrders(count: number): WebShop {
  const shop = new WebShop();
  shop.put(
    "order_states",
    [2, 4].map((id) => ({ id, name: `State ${id}`, paid: 1 })),
  );
  shop.put("currencies", [{ id: 1, iso_code: "EUR", conversion_rate: "1.000000" }]);
  shop.put("carriers", [{ id: 1, name: "Post" }]);
  shop.put(
    "orders",
    range(count).map((id) => orderRow(id, start - 24 * hour + id * 1000)),
  );
  shop.put(
    "customers",
    range(count).map((id) => ({ id, email: `c${id}@example.com` })),
  );
  return shop;
}

/** Every product has a combination, so the shop has twice as many quantities. */
function shopOfProducts(count: number): WebShop {
  const shop = new WebShop();
  const upd = naive(start - 24 * hour);
  shop.put(
    "products",
    range(count).map((id) => ({ id, reference: `P${id}`, name: `Product ${id}`, price: "1.000000", active: 1, id_supplier: 1, date_upd: upd })),
  );
  shop.put(
    "combinations",
    range(count).map((id) => ({ id, id_product: id, reference: `C${id}` })),
  );
  const quantities = range(count).flatMap((id) => [stockRow(id, id, 0, 10), stockRow(count + id, id, id, 10)]);
  shop.put("stock_availables", quantities);
  shop.put("suppliers", [{ id: 1, name: "Clay Ltd", active: 1 }]);
  shop.put("manufacturers", [{ id: 1, name: "Potters", active: 1 }]);
  shop.put(
    "product_suppliers",
    range(count).map((id) => ({ id, id_product: id, id_supplier: 1, id_currency: 1, product_supplier_price_te: "0.500000" })),
  );
  shop.put("currencies", [{ id: 1, iso_code: "EUR", conversion_rate: "1.000000" }]);
  return shop;
}

function stockRow(id: number, product: number, combination: number, quantity: number) {
  return { id, id_product: product, id_product_attribute: combination, quantity };
}

test("orders: without a change one request, with one per cent changed a handful more", async () => {
  const shop = shopOfOrders(1000);
  const { bench, run } = world("requests-orders", shop);
  const first = await run(syncOrders);
  expect(first).toBeDone({ orders: 1000 });
  expect(first.progress).toMatchObject({ done: 1000, total: 1000 });
  bench.advance(3 * hour);
  expect(await run(syncOrders)).toBeDone({ orders: 0, changed: 0 });
  expect(shop.requests).toEqual(["ids orders 0"]);

  shop.put(
    "orders",
    range(10).map((id) => orderRow(id * 7, bench.now() - 5 * minute, 4)),
  );
  bench.advance(minute);
  expect(await run(syncOrders)).toBeDone({ orders: 10, changed: 10 });
  expect(shop.requests.length).toBeLessThanOrEqual(8);
  expect(shop.requests.slice(0, 3)).toEqual(["ids orders 10", "ids orders 0", "rows orders 10"]);
});

test("orders: a page for people in the place of a list moves no cursor, and what was behind it is read once the shop is back", async () => {
  const shop = shopOfOrders(120);
  const { run } = world("requests-html", shop);
  const places = ["ids orders 120", "rows orders 100", "rows orders 20"];
  await run(syncOrders, { lastDays: 2 });
  await run(syncOrders, { lastDays: 2 });
  for (const place of places) {
    for (const text of ["<!DOCTYPE html><html><body>Maintenance</body></html>", "", '{"orders":[{"id":1}']) {
      let left = 3;
      shop.instead = () => (shop.requests.at(-1) === place && left-- > 0 ? text : undefined);
      expect(await run(syncOrders, { lastDays: 2 })).toBeDone({ orders: 120, unreadable: [] });
      // Ids are listed twice: to find what was deleted, and to count.
      expect([place, left]).toEqual([place, place.startsWith("ids") ? -2 : -1]);
      expect(shop.requests.filter((request) => request === "rows orders 100").length).toBe(place === "rows orders 100" ? 4 : 1);
    }
  }
});

test.each([
  [1, 40],
  [7, 120],
  [50, 120],
])("a shop or proxy that gives at most %i rows at once loses nothing: %i orders, half as many products", async (cap, count) => {
  const [orders, products] = [shopOfOrders(count), shopOfProducts(count / 2)];
  orders.cap = products.cap = cap;
  for (const id of range(30)) orders.put("order_payments", [{ id, order_reference: `R${id}`, amount: "1.000000" }]);
  for (const id of [1000, 1001]) orders.put("order_payments", [{ id, order_reference: "R3", amount: "1.000000" }]);
  const first = world(`requests-cap-${cap}-orders`, orders);
  expect(await first.run(syncOrders)).toBeDone({ orders: count, changed: count, unreadable: [] });
  const scope = { db: env.DB, tenant: `requests-cap-${cap}-orders`, site: "main" };
  const detail = await orderDetail(scope, 3);
  expect(detail).toMatchObject({ customer: { id: 3 }, payments: [{ amount: "1.000000" }, {}, {}] });
  expect((await orderDetail(scope, count))?.customer).toMatchObject({ id: count });
  first.bench.advance(3 * hour);
  expect(await first.run(syncOrders)).toBeDone({ orders: 0 });
  expect(orders.requests).toEqual(["ids orders 0"]);

  const second = world(`requests-cap-${cap}-products`, products);
  expect(await second.run(syncProducts, { linkVendors: true })).toBeDone({ products: count / 2, stock: count, deleted: 0 });
  products.put("stock_availables", [stockRow(count - 1, count / 2 - 1, count / 2 - 1, 3)]);
  second.bench.advance(3 * hour);
  expect(await second.run(syncProducts, { incremental: true })).toBeDone({ products: 0, stock: count });
  const { items } = await listProducts({ ...scope, tenant: `requests-cap-${cap}-products` }, { limit: 100 });
  expect(items.map(({ combinations, suppliers }) => [combinations.length, suppliers.length])).toEqual(Array(count / 2).fill([1, 1]));
  expect(items[count / 2 - 2]).toMatchObject({ combinations: [{ quantity: 3 }] });
});

test("orders: once in twelve hours, when settings and lists are read again, five", async () => {
  const shop = shopOfOrders(20);
  const { bench, run } = world("requests-lists", shop);
  await run(syncOrders);
  bench.advance(13 * hour);
  expect(await run(syncOrders)).toBeDone({ orders: 0 });
  expect(shop.requests.length).toBeLessThanOrEqual(5);
});

test("products: 5,000 of them with 10,000 quantities, all read again, in five requests", async () => {
  const shop = shopOfProducts(5000);
  const { bench, run } = world("requests-products", shop);
  expect(await run(syncProducts, { linkVendors: true })).toBeDone({ full: true, products: 5000, stock: 10_000 });
  bench.advance(3 * hour);
  expect(await run(syncProducts, { incremental: true, linkVendors: true })).toBeDone({ full: false, products: 0, stock: 10_000 });
  expect(shop.requests.length).toBeLessThanOrEqual(5);

  const upd = naive(bench.now() - 5 * minute);
  for (const id of range(50)) shop.put("products", [{ ...shop.tables["products"]?.get(id * 90), id: id * 90, date_upd: upd }]);
  shop.put("stock_availables", [stockRow(7, 7, 0, 0)]);
  bench.advance(minute);
  expect(await run(syncProducts, { incremental: true, linkVendors: true })).toBeDone({ products: 50, stock: 10_000 });
  expect(shop.requests.length).toBeLessThanOrEqual(12);
  expect(await syncView({ db: env.DB, tenant: "requests-products", site: "main" }, bench.now())).toMatchObject({ products: { count: 5000 } });
});

test("products: a shop that needs 4 ms a row is asked for pages of ten seconds, still in five requests; a slower one for shorter ones", async () => {
  const shop = shopOfProducts(40);
  shop.put(
    "stock_availables",
    range(9998).map((id) => stockRow(id, (id % 40) + 1, id, 5)),
  );
  shop.secondsPerRow = 0.004;
  const { bench, run } = world("requests-slow", shop);
  await run(syncProducts);
  await run(syncProducts, { incremental: true });
  bench.advance(3 * hour);
  expect(await run(syncProducts, { incremental: true })).toBeDone({ stock: 9998 });
  expect(shop.requests).toEqual(["ids products 0", ...Array(3).fill("rows stock_availables 2500"), "rows stock_availables 2498"]);
  shop.secondsPerRow = 0.02;
  bench.advance(3 * hour);
  await run(syncProducts, { incremental: true });
  expect(shop.requests.slice(1, 4)).toEqual(["rows stock_availables 2500", "rows stock_availables 1250", "rows stock_availables 625"]);
  bench.advance(3 * hour);
  await run(syncProducts, { incremental: true });
  expect(shop.requests[1]).toBe("rows stock_availables 312");
});

test("products: what is deleted is found by a run of changes, too, once a day, for two requests more", async () => {
  const shop = shopOfProducts(12);
  const { bench, run } = world("requests-gone", shop);
  await run(syncProducts, { incremental: true });
  shop.tables["products"]?.delete(5);
  bench.advance(3 * hour);
  expect(await run(syncProducts, { incremental: true })).toBeDone({ deleted: 0 });
  bench.advance(22 * hour);
  expect(await run(syncProducts, { incremental: true })).toBeDone({ deleted: 1, full: false });
  expect(shop.requests.filter((request) => request.startsWith("ids products"))).toEqual(["ids products 11", "ids products 0", "ids products 0"]);
});
