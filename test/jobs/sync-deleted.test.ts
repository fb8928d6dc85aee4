import { describe, expect, test } from "vitest";
import { syncOrders } from "../../src/jobs/sync-orders/job";
import { syncProducts } from "../../src/jobs/sync-products/job";
import { syncSingleOrder } from "../../src/jobs/sync-single-order/job";
import { supplierOrders } from "../../src/jobs/supplier-orders/job";
import { orderDetail } from "../../src/domain/shop/orders/queries";
import { purchaseOrders } from "../../src/domain/shop/purchases/queries";
import { createWebShopBench, mend, minute, orderRow, shopOf } from "./web-shop-bench";

/** What was deleted in the shop, and what the key may not read, through the real adapter. */
describe("orders that are deleted in the shop", () => {
  test.each([{ lastDays: 40 }, { lastDays: 40, bulkMode: true }, {}])("are marked, listed in the feed and left out of purchase orders: %j", async (payload) => {
    const shop = shopOf(3);
    mend(shop, "stock_availables", 1, { quantity: "-3" });
    const tenant = `deleted-${Object.keys(payload).length}`;
    const { bench, run, orders, site, scope } = createWebShopBench(tenant, shop);
    await run(syncProducts, { linkVendors: true });
    await run(syncOrders);
    const seen = Math.max(...(await orders()).map(({ changedAt }) => Date.parse(changedAt)));
    shop.tables["orders"]?.delete(3);
    if (!("lastDays" in payload)) {
      expect(await run(syncOrders, payload)).toBeDone({ deleted: 0 });
      expect(shop.requests).toEqual(["ids orders 0"]);
      bench.advance(24 * 60 * minute);
    }
    expect(await run(syncOrders, payload)).toBeDone({ deleted: 1 });
    expect((await orders({ changedAfter: seen })).map(({ id, deletedAt }) => [id, typeof deletedAt])).toEqual([[3, "string"]]);
    expect((await orders()).map(({ deletedAt }) => deletedAt === null)).toEqual([true, true, false]);
    expect(await site()).toMatchObject({ orders: { count: 2, deleted: 1 } });
    await run(supplierOrders);
    expect((await purchaseOrders(scope, { limit: 10 })).map(({ rows }) => rows[0]?.orderIds)).toEqual([[1, 2]]);

    mend(shop, "orders", 3, orderRow(3));
    await run(syncOrders, { lastDays: 40 });
    expect((await orders()).map(({ deletedAt }) => deletedAt)).toEqual([null, null, null]);
  });

  test("are marked when a webhook tells of one", async () => {
    const shop = shopOf(2);
    const { run, orders } = createWebShopBench("deleted-single", shop);
    await run(syncOrders);
    shop.tables["orders"]?.delete(2);
    expect(await run(syncSingleOrder, { orderId: 2 })).toBeDone({ changed: true });
    expect((await orders()).map(({ deletedAt }) => deletedAt === null)).toEqual([true, false]);
  });

  test("an order that only failed to load is not", async () => {
    const shop = shopOf(3);
    const { run, orders } = createWebShopBench("deleted-not", shop);
    await run(syncOrders);
    shop.holes.add("orders/2");
    expect(await run(syncOrders, { lastDays: 40 })).toBeDone({ deleted: 0 });
    expect((await orders()).map(({ deletedAt }) => deletedAt)).toEqual([null, null, null]);
  });
});

test("a key that may not read secondary resources costs those details and a warning that names each, not the sync", async () => {
  const shop = shopOf(2);
  const secondary = ["carriers", "order_carriers", "order_payments", "countries", "currencies", "manufacturers", "suppliers", "customers", "addresses"];
  for (const resource of secondary) shop.refused.add(resource);
  mend(shop, "orders", 1, { id_carrier: 1 });
  mend(shop, "products", 1, { id_manufacturer: 1 });
  const { run, orders, products, site, scope } = createWebShopBench("refused", shop);
  expect(await run(syncOrders)).toBeDone({ orders: 2, warnings: expect.arrayContaining([expect.stringContaining("order_payments")]) });
  expect(await run(syncProducts, { linkVendors: true })).toBeDone({ products: 2 });
  expect(await orders()).toMatchObject([{ id: 1, currency: null, state: { name: "Paid" } }, { id: 2 }]);
  const warned = (await site()).warnings;
  for (const resource of ["carriers", "order_carriers", "order_payments", "currencies", "manufacturers", "suppliers", "customers"])
    expect(warned).toContainEqual(expect.stringContaining(`key lacks GET on ${resource}: tick it`));
  expect(await site()).toMatchObject({ paused: null, unreadable: { count: 0 } });

  await run(syncOrders);
  expect(shop.requests.filter((request) => !request.startsWith("ids orders")).length).toBeLessThanOrEqual(secondary.length);

  shop.refused.clear();
  expect(await run(syncOrders)).toBeDone({ orders: 0, warnings: [] });
  await run(syncProducts, { linkVendors: true, incremental: true });
  expect(await site()).toMatchObject({ warnings: [], unreadable: { count: 0 } });
  const detail = await orderDetail(scope, 1);
  expect(detail).toMatchObject({ currency: "EUR", customer: { id: 1 }, payments: [{ amount: "5.000000" }], shipments: [{ carrier: "Post" }] });
  expect((await products())[0]).toMatchObject({ suppliers: [{ name: "Clay Ltd", references: [{ reference: "S1" }] }] });
  await run(syncOrders);
  expect(shop.requests).toEqual(["ids orders 0"]);
});

test("a key that may not read orders pauses the site, as before", async () => {
  const shop = shopOf(1);
  shop.refused.add("order_states");
  const { accept, site } = createWebShopBench("refused-first", shop);
  expect(await (await accept(syncOrders, {})).untilIdle()).toHaveWaited(/^the site is paused/);
  expect((await site()).paused).toMatchObject({ reason: expect.stringContaining("key lacks GET on order_states") });
});
