import { expect, test } from "vitest";
import { createShopOutbox } from "../../../src/domain/shop/events";
import { listOrders, orderDetail } from "../../../src/domain/shop/orders/queries";
import { changedOrders, completedOrders, firstOrder, ordersByReference, orderWrites } from "../../../src/domain/shop/orders/store";
import { listProducts } from "../../../src/domain/shop/products/queries";
import { stockWrites, storedStock } from "../../../src/domain/shop/products/stock";
import { productWrites, storedProducts } from "../../../src/domain/shop/products/store";
import { draftWrites, shortage } from "../../../src/domain/shop/purchases/shortage";
import { draftsOf, purchaseOrder, purchaseOrders } from "../../../src/domain/shop/purchases/queries";
import { approvePurchase, cancelPurchase, noteMail } from "../../../src/domain/shop/purchases/store";
import { listSuppliers, putSupplier } from "../../../src/domain/shop/purchases/suppliers";
import { details, missingIds, namedWrites } from "../../../src/domain/shop/related-rows";
import { syncView } from "../../../src/domain/shop/site/queries";
import { continueRemovals, startRemoval, finishRemoval } from "../../../src/domain/shop/site/remove";
import { connect, listsRead, spanRead, keepSettings, pause, resume, takeProbe } from "../../../src/domain/shop/site/store";
import { unreadPart, recordBulkParts, bulkParts, recordPartRead } from "../../../src/domain/shop/sync/bulk-parts";
import { comparedWrites, goneIds, goneWrites } from "../../../src/domain/shop/sync/gone";
import { allowedWrites, grantedWrites, noteWrites, refusalWrites, unreadableIds } from "../../../src/domain/shop/sync/unreadable";
import { order, orderLine, orderState, product, start, stock } from "../../jobs/fake-shop";
import { planOf, recordingDb, type Recorded } from "../../support/recorder";

test("every statement names its tenant, finds its rows by key and sorts no list", async () => {
  const { db, statements } = recordingDb();
  await useEverything(db);
  const distinct = [...new Map(statements.map((each) => [each.sql, each])).values()];
  expect(distinct.length).toBeGreaterThan(40);
  expect(
    distinct
      .filter(({ sql }) => !/tenant = \?1|VALUES \(\?1|SELECT \?1|\(tenant, at, site, id\) IN|WITH RECURSIVE (hop|each)|FROM shop_leaving LIMIT/.test(sql))
      .map(({ sql }) => sql),
  ).toEqual([]);
  expect((await Promise.all(distinct.map(complaint))).filter((each) => each !== null)).toEqual([]);
});

/** The few lines of one purchase are put in order; one page at most is grouped; at most 1,000 names of tenants are mixed. */
const maySort = /FROM shop_purchase_lines|FROM json_each\(\?3\) e CROSS JOIN shop_purchase_lines|DISTINCT|WITH RECURSIVE each/;

async function complaint(one: Recorded): Promise<string | null> {
  const plan = await planOf(one);
  const wrong = plan.filter((line) => (line.startsWith("SCAN ") ? !mayBeScanned(line, one.sql) : line.includes("TEMP B-TREE") && !maySort.test(one.sql)));
  return wrong.length === 0 ? null : `${one.sql.replace(/\s+/g, " ").trim().slice(0, 200)}\n  ${plan.join("\n  ")}`;
}

/** Lists that were bound, and what an inner query found. */
function mayBeScanned(line: string, sql: string): boolean {
  const [, table = ""] = /^SCAN (\S+)/.exec(line) ?? [];
  return (
    line.includes("VIRTUAL TABLE") ||
    table === "shop_leaving" ||
    line === "SCAN CONSTANT ROW" ||
    table.startsWith("(") ||
    new RegExp(`\\) ${table}\\b`).test(sql) ||
    table === "hop" ||
    table === "each"
  );
}

async function useEverything(db: D1Database): Promise<void> {
  const scope = { db, tenant: "plans", site: "main" };
  const write = (writes: readonly unknown[]) => db.batch(writes as D1PreparedStatement[]);
  await connect(scope, true, start);
  await keepSettings(scope, { timezone: "UTC", languageId: 1, currencyId: 1 }, start);
  await pause(scope, "why", start);
  await takeProbe(scope, start);
  await resume(scope);
  const orders = [order(1), order(2, { lines: [orderLine(5)] })];
  const payments = [{ resource: "order_payments", owner: "REF1", rows: [] }] as const;
  await write(orderWrites(scope, { orders, named: { order_states: [orderState(2)] }, details: payments, readAt: start }, start));
  await changedOrders(scope, orders);
  await missingIds(scope, "carriers", [1]);
  const suppliers = { id: 1, name: "Clay", active: true };
  await write(namedWrites(scope, "suppliers", [suppliers], start));
  const owned = [{ resource: "combinations", owner: "1", rows: [] }] as const;
  await write(
    productWrites(scope, { products: [product(1), product(2)], named: {}, details: owned, stock: [stock(1, -2)], isStockWhole: true, readAt: start }, start),
  );
  await write(stockWrites(scope, [stock(1, -3)], start, start));
  const gone = await goneIds(scope, "products", [1], { after: 0, until: null }, start + 1);
  await write(goneWrites(scope, "products", gone, start + 1, start));
  const span = { from: 0, to: start, pageSizes: { heavy: 50, light: 2500 }, stockRows: 2 };
  await write([listsRead(scope, "orders", start), ...comparedWrites(scope, "products", start), spanRead(scope, "orders", span, start)]);
  await write(recordBulkParts(scope, "run", [{ from: 0, to: 1 }]));
  await write(recordPartRead(scope, "run", { from: 0, orders: 0, changed: 0, deleted: 0, unreadable: [], warnings: [] }, start));
  expect(await goneIds(scope, "orders", [1, 2], { after: 0, until: null }, start + 1)).toEqual([]);
  await write(goneWrites(scope, "orders", [9], start + 1, start));
  await write(comparedWrites(scope, "orders", start));
  await write(noteWrites(scope, { resource: "orders", readAt: start, flawed: [{ id: 7, reason: "totalPaid is no amount" }], sound: [1] }, start));
  await unreadableIds(scope, "orders", start + 1, 10);
  await write([
    refusalWrites(scope, "carriers", "key lacks GET on carriers", start),
    grantedWrites(scope, "orders", "carriers", start),
    grantedWrites(scope, "products", "suppliers", start),
  ]);
  await write([allowedWrites(scope, "carriers")]);
  await completedOrders(scope, orders, [{ id: 1, reason: "totalPaid is no amount", fields: ["totalPaid"] }]);
  await ordersByReference(scope, ["REF1"]);
  await firstOrder(scope);
  await storedProducts(scope, [1]);
  await details(scope, "order_payments", ["REF1"]);
  await storedStock(scope, [1]);
  await bulkParts(scope, "run");
  await unreadPart(scope, "run", { from: 0, to: 1 });
  const { lines } = await shortage(scope);
  expect(lines.length).toBeGreaterThan(0);
  await write(draftWrites(scope, "job", lines, start));
  await draftsOf(scope, "job");
  await noteMail(scope, 1, "mail");
  await putSupplier(scope, 1, { email: "a@b.example", automatic: true });
  await listSuppliers(scope, { active: true, limit: 10 });
  await purchaseOrders(scope, { state: "draft", limit: 10 });
  await purchaseOrder(scope, 1);
  await cancelPurchase(scope, 1, start);
  await approvePurchase(scope, 1, "operator", start);
  for (const changedAfter of [undefined, 0]) {
    await listOrders(scope, { changedAfter, state: 2, limit: 1 });
    await listProducts(scope, { changedAfter, limit: 10 });
    await listProducts(scope, { changedAfter, q: "words", limit: 10 });
  }
  await orderDetail(scope, 1);
  await syncView(scope, start);
  const outbox = createShopOutbox(db);
  await outbox.remove(await outbox.pending(10));
  await startRemoval(scope, 100, start);
  await continueRemovals(db, 100, start);
  await finishRemoval(scope, 100);
}
