import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { listOrders } from "../../../../src/domain/shop/orders/queries";
import { orderWrites } from "../../../../src/domain/shop/orders/store";
import { productWrites } from "../../../../src/domain/shop/products/store";
import { continueRemovals, startRemoval, finishRemoval } from "../../../../src/domain/shop/site/remove";
import { connect } from "../../../../src/domain/shop/site/store";
import { recordBulkParts } from "../../../../src/domain/shop/sync/bulk-parts";
import { order, product, start, stock } from "../../../jobs/fake-shop";

const minute = 60_000;
const scope = (tenant: string, site = "main") => ({ db: env.DB, tenant, site });
const tables = ["sites", "windows", "orders", "products", "stock", "rows", "details", "events", "purchase_lines", "purchase_orders", "supplier_settings"];

async function given(tenant: string, site: string, orders: number) {
  await connect(scope(tenant, site), false, 0);
  const write = (writes: readonly unknown[]) => env.DB.batch(writes as D1PreparedStatement[]);
  const many = Array.from({ length: orders }, (_, index) => order(index + 1));
  await write(
    orderWrites(scope(tenant, site), { orders: many, named: {}, details: [{ resource: "order_payments", owner: "REF1", rows: [] }], readAt: start }, start),
  );
  await write(productWrites(scope(tenant, site), { products: [product(1)], details: [], stock: [stock(1, -2)], isStockWhole: true, readAt: start }, start));
  await write(recordBulkParts(scope(tenant, site), "run", [{ from: 0, to: 1 }]));
}

async function rows(tenant: string, site = "main"): Promise<number> {
  const counts = tables.map((table) => env.DB.prepare(`SELECT count(*) AS n FROM shop_${table} WHERE tenant = ? AND site = ?`).bind(tenant, site));
  return (await env.DB.batch<{ n: number }>(counts)).reduce((sum, { results }) => sum + (results[0]?.n ?? 0), 0);
}

test("all of a site goes, in short statements, what a request cannot remove by the tick; other sites and tenants keep theirs", async () => {
  await given("leaves", "main", 1200);
  await given("leaves", "other", 1);
  await given("stays", "main", 1);
  await startRemoval(scope("leaves"), start, 1);
  expect(await rows("leaves")).toBeGreaterThan(700);
  expect(await finishRemoval(scope("leaves"), 1)).toBe(false);
  expect(await continueRemovals(env.DB, 50, start + minute)).toEqual({ sites: 0 });
  expect(await rows("leaves")).toBe(0);
  expect(await rows("leaves", "other")).toBeGreaterThan(3);
  expect(await rows("stays")).toBeGreaterThan(3);
});

test("what a run under way still writes goes, too; then the site is forgotten, and nothing of it is in the way of a new one", async () => {
  await startRemoval(scope("writes"), start);
  await given("writes", "main", 3);
  expect(await continueRemovals(env.DB, 50, start + minute)).toEqual({ sites: 0 });
  expect(await rows("writes")).toBe(0);
  expect((await continueRemovals(env.DB, 50, start + 60 * minute)).sites).toBeGreaterThan(0);
  await given("writes", "main", 3);
  await continueRemovals(env.DB, 50, start + 61 * minute);
  expect((await listOrders(scope("writes"), { limit: 10 })).items).toHaveLength(3);
  await startRemoval(scope("writes"), start);
  expect(await finishRemoval(scope("writes"))).toBe(true);
  await given("writes", "main", 2);
  await continueRemovals(env.DB, 50, start + minute);
  expect((await listOrders(scope("writes"), { limit: 10 })).items).toHaveLength(2);
});
