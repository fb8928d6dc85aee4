import { describe, expect, test } from "vitest";
import { syncOrders } from "../../src/jobs/sync-orders/job";
import { syncProducts } from "../../src/jobs/sync-products/job";
import { syncSingleOrder } from "../../src/jobs/sync-single-order/job";
import { eventsOf } from "../../src/domain/shop/events";
import { orderDetail } from "../../src/domain/shop/orders/queries";
import { start } from "./fake-shop";
import { naive } from "./web-shop";
import { createWebShopBench, mend, minute, orderRow, shopOf } from "./web-shop-bench";

/** Rows that cannot be read, or did not come, through the real adapter. */
const versions = ["1.7", "8.2"] as const;

test("quantities in parts, amounts of any size and a decimal comma are read as they are", async () => {
  const shop = shopOf(2);
  const [line] = orderRow(1).associations.order_rows;
  mend(shop, "orders", 1, { total_paid: "12500000000.000000", associations: { order_rows: [{ ...line, product_quantity: "0.300000" }] } });
  mend(shop, "orders", 2, { total_paid: "5,500000", associations: { order_rows: [{ ...line, unit_price_tax_excl: "1,25", product_quantity: "2,5" }] } });
  mend(shop, "stock_availables", 1, { quantity: "12.500000" });
  const { run, orders, products, unreadable } = createWebShopBench("unreadable-none", shop);
  expect(await run(syncOrders)).toBeDone({ orders: 2, unreadable: [] });
  await run(syncProducts, { linkVendors: true });
  expect(await orders()).toMatchObject([
    { id: 1, totalPaid: "12500000000.000000", lines: [{ quantity: 0.3 }] },
    { id: 2, totalPaid: "5.500000", lines: [{ quantity: 2.5, unitPriceTaxExcl: "1.250000" }] },
  ]);
  expect(await products()).toMatchObject([{ quantity: 12.5 }, { quantity: 12 }]);
  expect(await unreadable()).toEqual({ count: 0, newest: [] });
});

test("an order with unreadable fields is stored without them, reported once, shown until it is readable, and read again without a new date", async () => {
  const shop = shopOf(3);
  mend(shop, "orders", 2, { total_paid: "about 5" });
  const { scope, run, orders, unreadable } = createWebShopBench("unreadable-order", shop);
  const row = { resource: "orders", id: 2, reason: "totalPaid is no amount" };
  expect(await run(syncOrders)).toBeDone({ orders: 3, unreadable: [row] });
  expect((await orders()).map(({ totalPaid }) => totalPaid)).toEqual(["5.000000", null, "5.000000"]);
  expect(await run(syncOrders)).toBeDone({ unreadable: [row] });
  expect(shop.requests).toEqual(["rows orders 1", "ids orders 0"]);
  expect(await unreadable()).toEqual({ count: 1, newest: [row] });
  const events = (await eventsOf(scope)).filter(({ type }) => type === "shop.row_unreadable");
  expect(events.map(({ data }) => data)).toEqual([{ siteId: "main", resource: "orders", rowId: 2, reason: row.reason }]);

  const seen = Math.max(...(await orders()).map(({ changedAt }) => Date.parse(changedAt)));
  mend(shop, "orders", 2, { total_paid: "7.000000" });
  expect(await run(syncOrders)).toBeDone({ unreadable: [] });
  expect(await orders({ changedAfter: seen })).toMatchObject([{ id: 2, totalPaid: "7.000000" }]);
  expect(await unreadable()).toEqual({ count: 0, newest: [] });
  await run(syncOrders);
  expect(shop.requests).toEqual(["ids orders 0"]);
});

test("a field that cannot be read keeps the value that is stored; nothing is concluded from it", async () => {
  const shop = shopOf(2);
  const { scope, run, orders, products, bench } = createWebShopBench("unreadable-field", shop);
  await run(syncOrders);
  await run(syncProducts);
  const date_upd = naive(bench.now());
  mend(shop, "orders", 1, { current_state: "?", payment: "Cash", date_upd });
  mend(shop, "products", 1, { active: "?", name: "Renamed", date_upd });
  expect(await run(syncOrders)).toBeDone({ changed: 1, unreadable: [{ id: 1, reason: "stateId is no id" }] });
  await run(syncProducts, { incremental: true });
  expect((await orders())[0]).toMatchObject({ state: { id: 2 } });
  expect((await products())[0]).toMatchObject({ active: true, name: "Renamed" });
  expect((await eventsOf(scope)).filter(({ type }) => type === "order.status_changed")).toEqual([]);
});

describe.each(versions)("rows that a shop of %s fails to load", (version) => {
  test.each([[[1]], [[2]], [[3]], [[1, 2, 3]]])("orders %j are shown until they come", async (ids) => {
    const shop = shopOf(3, version);
    for (const id of ids) shop.holes.add(`orders/${id}`);
    const { run, orders, unreadable } = createWebShopBench(`missing-${version.replace(".", "-")}-${ids.join("")}`, shop);
    expect(await run(syncOrders)).toBeDone({ orders: 3 - ids.length, unreadable: ids.map((id) => ({ resource: "orders", id })) });
    await run(syncOrders);
    expect((await unreadable()).newest.map(({ id }) => id).toSorted()).toEqual(ids);
    shop.holes.clear();
    expect(await run(syncOrders)).toBeDone({ unreadable: [] });
    expect((await orders()).map(({ id }) => id)).toEqual([1, 2, 3]);
    expect((await unreadable()).count).toBe(0);
  });

  test("one that is deleted in the meantime is forgotten", async () => {
    const shop = shopOf(3, version);
    shop.holes.add("orders/2");
    const { run, unreadable } = createWebShopBench(`missing-gone-${version.replace(".", "-")}`, shop);
    await run(syncOrders);
    shop.tables["orders"]?.delete(2);
    await run(syncOrders);
    expect((await unreadable()).count).toBe(0);
  });

  test.each([1, 2, 3])("quantities keep their last value: row %i", async (id) => {
    const shop = shopOf(3, version);
    const { run, products, unreadable } = createWebShopBench(`stock-${version.replace(".", "-")}-${id}`, shop);
    await run(syncProducts);
    shop.holes.add(`stock_availables/${id}`);
    for (const payload of [{}, { incremental: true }]) {
      expect(await run(syncProducts, payload)).toBeDone({
        unreadable: [{ resource: "stock_availables", id }],
        warnings: expect.arrayContaining(["some stock_availables could not be read: what was stored of them before stays"]),
      });
      expect((await products()).map(({ quantity }) => quantity)).toEqual([12, 12, 12]);
    }
    expect((await unreadable()).newest).toMatchObject([{ resource: "stock_availables", id }]);
    shop.holes.clear();
    mend(shop, "stock_availables", id, { quantity: 5 });
    expect(await run(syncProducts, { incremental: true })).toBeDone({ unreadable: [] });
    expect((await products()).map(({ quantity }) => quantity)).toEqual([1, 2, 3].map((each) => (each === id ? 5 : 12)));
    expect((await unreadable()).count).toBe(0);
  });

  test("payments, shipments, suppliers and customers keep what is stored, and are looked at again", async () => {
    const shop = shopOf(3, version);
    const { scope, run, products, unreadable, bench } = createWebShopBench(`details-${version.replace(".", "-")}`, shop);
    await run(syncOrders);
    await run(syncProducts, { linkVendors: true });
    const date_upd = naive(bench.now());
    mend(shop, "orders", 3, { payment: "Cash", date_upd });
    mend(shop, "products", 3, { name: "Renamed", date_upd });
    const broken = ["order_payments/3", "order_carriers/3", "product_suppliers/3", "customers/3"];
    for (const each of broken) shop.holes.add(each);
    await run(syncOrders);
    await run(syncProducts, { linkVendors: true });
    expect(await orderDetail(scope, 3)).toMatchObject({ payments: [{ amount: "5.000000" }], shipments: [{ trackingNumber: "T3" }], customer: { id: 3 } });
    expect((await products())[2]).toMatchObject({ name: "Renamed", suppliers: [{ references: [{ reference: "S3" }] }] });
    expect((await unreadable()).newest.map(({ resource, id }) => `${resource}/${id}`).toSorted()).toEqual(broken.toSorted());
    shop.holes.clear();
    mend(shop, "order_payments", 3, { amount: "9.000000" });
    mend(shop, "order_carriers", 3, { tracking_number: "T33" });
    mend(shop, "product_suppliers", 3, { product_supplier_reference: "S33" });
    await run(syncOrders);
    await run(syncProducts, { incremental: true });
    expect(await orderDetail(scope, 3)).toMatchObject({ payments: [{ amount: "9.000000" }], shipments: [{ trackingNumber: "T33" }] });
    expect((await products())[2]).toMatchObject({ suppliers: [{ references: [{ reference: "S33" }] }] });
    expect((await unreadable()).count).toBe(0);
  });
});

test("a quantity that cannot be read keeps its last value, by a full run and one of changes; a first one is not known", async () => {
  const shop = shopOf(2);
  mend(shop, "stock_availables", 2, { quantity: "many" });
  const { run, products } = createWebShopBench("stock-value", shop);
  await run(syncProducts);
  mend(shop, "stock_availables", 1, { quantity: "several" });
  for (const payload of [{}, { incremental: true }]) {
    expect(await run(syncProducts, payload)).toBeDone({ unreadable: [{ reason: "quantity is no number" }, { resource: "stock_availables" }] });
    expect((await products()).map(({ quantity }) => quantity)).toEqual([12, null]);
  }
});

test("a payment that cannot be read is shown with what can be; a stored one stays", async () => {
  const shop = shopOf(1);
  shop.put("order_payments", [{ id: 7, order_reference: "R1", amount: "much", payment_method: "Cheque" }]);
  const { scope, run, bench } = createWebShopBench("payment-value", shop);
  await run(syncOrders);
  expect(await orderDetail(scope, 1)).toMatchObject({ payments: [{ amount: "5.000000" }, { amount: null, method: "Cheque" }] });
  mend(shop, "order_payments", 1, { amount: "x" });
  mend(shop, "orders", 1, { payment: "Cash", date_upd: naive(bench.now()) });
  await run(syncOrders);
  expect(await orderDetail(scope, 1)).toMatchObject({ payments: [{ amount: "5.000000" }, { amount: null }] });
});

test("the parts of a bulk run sum up what they could not read, and their warnings", async () => {
  const shop = shopOf(4, "1.7");
  const days = (count: number) => naive(start - count * 24 * 60 * minute);
  [1, 10, 20, 30].forEach((age, index) => mend(shop, "orders", index + 1, { date_upd: days(age), date_add: days(age) }));
  mend(shop, "orders", 1, { total_paid: "x" });
  shop.holes.add("orders/3");
  shop.refused.add("carriers");
  const { run, unreadable } = createWebShopBench("unreadable-bulk", shop);
  const warnings = ["key lacks GET on carriers", "failed to load 1"].map((text) => expect.stringContaining(text) as string);
  const unread = [1, 3].map((id) => expect.objectContaining({ id }) as object);
  const job = await run(syncOrders, { bulkMode: true });
  expect(job).toBeDone({ orders: 3, parts: 6, unreadable: expect.arrayContaining(unread), warnings: expect.arrayContaining(warnings) });
  expect((await unreadable()).count).toBe(2);
});

test("a single order of a webhook is stored with its readable fields, or shown as one that failed to load", async () => {
  const shop = shopOf(3);
  mend(shop, "orders", 1, { total_paid: "x" });
  shop.holes.add("orders/2");
  const { run, orders, unreadable } = createWebShopBench("unreadable-single", shop);
  expect(await run(syncSingleOrder, { orderId: 1 })).toBeDone({ changed: true });
  expect(await run(syncSingleOrder, { orderId: 2 })).toBeDiscarded(/failed to load/);
  expect((await orders()).map(({ id, totalPaid }) => [id, totalPaid])).toEqual([[1, null]]);
  expect((await unreadable()).newest.map(({ id }) => id).toSorted()).toEqual([1, 2]);
  shop.holes.clear();
  expect(await run(syncSingleOrder, { orderId: 2 })).toBeDone();
  expect((await unreadable()).newest.map(({ id }) => id)).toEqual([1]);
});

test("a shop full of such rows announces a hundred of each resource, and counts all", async () => {
  const shop = shopOf(0);
  shop.put(
    "orders",
    Array.from({ length: 230 }, (_, index) => orderRow(index + 1, { total_paid: "x" })),
  );
  const { scope, run, unreadable } = createWebShopBench("unreadable-many", shop);
  expect((await run(syncOrders)).result).toMatchObject({ unreadable: { length: 50 } });
  expect((await unreadable()).count).toBe(230);
  expect((await unreadable()).newest).toHaveLength(20);
  expect((await eventsOf(scope)).filter(({ type }) => type === "shop.row_unreadable")).toHaveLength(100);
});
