import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { syncOrders } from "../../src/jobs/sync-orders/job";
import { syncProducts } from "../../src/jobs/sync-products/job";
import { supplierOrders } from "../../src/jobs/supplier-orders/job";
import { csvOf } from "../../src/domain/shop/purchases/model";
import { draftsOf, purchaseOrders } from "../../src/domain/shop/purchases/queries";
import { approvePurchase, cancelPurchase } from "../../src/domain/shop/purchases/store";
import { putSupplier } from "../../src/domain/shop/purchases/suppliers";
import { type FakeShop, order, orderLine, product, shopWith, stock } from "./fake-shop";
import { createSyncBench } from "./shop-bench";

const scope = (tenant: string) => ({ db: env.DB, tenant, site: "main" });
const drafts = (tenant: string) => purchaseOrders(scope(tenant), { limit: 50 });

/** Three products: one that is there, two that are short, of two suppliers; orders 1 and 2 are paid, 3 is shipped, 4 is not paid. */
function shortShop(): FakeShop {
  const line = (id: number, productId: number, quantity: number) => orderLine(id, { productId, quantity, name: `Product ${productId}` });
  const shop = shopWith([
    order(1, { lines: [line(11, 1, 1), line(12, 2, 3)] }),
    order(2, { lines: [line(21, 2, 2), line(22, 3, 4)] }),
    order(3, { stateId: 4, lines: [line(31, 2, 9)] }),
    order(4, { stateId: 1, lines: [line(41, 2, 9)] }),
  ]);
  shop.put("products", product(1), product(2), product(3, { supplierId: 2 }));
  shop.put("stock_availables", stock(1, 5), stock(2, -4), stock(3, -4));
  shop.put("suppliers", { id: 1, name: "Clay Ltd", active: true }, { id: 2, name: 'Kiln, "Inc"', active: true });
  return shop.put("product_suppliers", { id: 1, productId: 2, productAttributeId: null, supplierId: 1, currencyId: 1, reference: "C-2", price: 6_000_000 });
}

async function synced(tenant: string, shop: FakeShop) {
  const yard = createSyncBench(tenant, () => shop);
  await yard.run(syncOrders);
  await yard.run(syncProducts, { linkVendors: true });
  return yard;
}

test("a site that is not there is a dead letter that says so", async () => {
  const { run } = await synced("buy-nowhere", shortShop());
  expect(await run(supplierOrders, { siteId: "nowhere" })).toBeDiscarded('There is no site "nowhere".');
});

test("what is short is drafted by supplier, for the newest paid orders, with rows, totals and CSV", async () => {
  const { run } = await synced("buy-drafts", shortShop());
  const ran = await run(supplierOrders);
  expect(ran).toBeDone({
    unassigned: [],
    purchaseOrders: [
      { supplierId: 1, rows: 1, mailed: false },
      { supplierId: 2, rows: 1 },
    ],
  });
  const [second, first] = await drafts("buy-drafts");
  expect(first).toMatchObject({
    state: "draft",
    supplier: { id: 1, name: "Clay Ltd", email: null },
    currency: "EUR",
    total: "24.000000",
    rows: [{ productId: 2, reference: "C-2", quantity: 4, unitPrice: "6.000000", total: "24.000000", orderIds: [1, 2] }],
  });
  expect(second).toMatchObject({ supplier: { id: 2 }, rows: [{ productId: 3, reference: "P3", quantity: 4, orderIds: [2] }] });
  expect(csvOf(first!).split("\r\n")).toEqual([
    "purchase_order,reference,name,product_id,product_attribute_id,quantity,unit_price,total,currency",
    "1,C-2,Product 2,2,0,4,6.000000,24.000000,EUR",
    "",
  ]);
});

test("each line is bought once: a second run buys only what became short since", async () => {
  const shop = shortShop();
  const { run } = await synced("buy-once", shop);
  await run(supplierOrders);
  expect(await run(supplierOrders)).toBeDone({ purchaseOrders: [] });
  shop.put("orders", order(5, { lines: [orderLine(51, { productId: 2, quantity: 2, name: "Product 2" })] }));
  shop.put("stock_availables", stock(2, -6));
  await run(syncOrders, { lastDays: 1 });
  await run(syncProducts, { linkVendors: true });
  expect(await run(supplierOrders)).toBeDone({ purchaseOrders: [{ supplierId: 1, rows: 1 }] });
  expect((await drafts("buy-once")).map(({ rows }) => rows.map(({ quantity }) => quantity))).toEqual([[2], [4], [4]]);
});

test("a draft that is dropped frees its lines for a later one", async () => {
  const { bench, run } = await synced("buy-dropped", shortShop());
  await run(supplierOrders);
  const [, first] = await drafts("buy-dropped");
  expect(await cancelPurchase(scope("buy-dropped"), first!.id, bench.now())).toBe(true);
  expect(await cancelPurchase(scope("buy-dropped"), first!.id, bench.now())).toBe(false);
  expect(await run(supplierOrders)).toBeDone({ purchaseOrders: [{ supplierId: 1, rows: 1 }] });
});

test("an item without a supplier is named, not bought", async () => {
  const shop = shortShop();
  shop.put("products", product(3, { supplierId: null }));
  const { run } = await synced("buy-nowhere", shop);
  expect(await run(supplierOrders)).toBeDone({ unassigned: [{ product: 3, combination: 0, quantity: 4 }], purchaseOrders: [{ supplierId: 1 }] });
});

test("a supplier set to automatic is mailed once, the others wait for approval", async () => {
  const { run, jobs } = await synced("buy-mail", shortShop());
  expect(await putSupplier(scope("buy-mail"), 1, { email: "orders@clay.example", automatic: true })).toMatchObject({ name: "Clay Ltd", automatic: true });
  expect(await putSupplier(scope("buy-mail"), 99, { email: "x@y.example", automatic: true })).toBeNull();
  const job = await run(supplierOrders);
  expect(job).toBeDone({
    purchaseOrders: [
      { supplierId: 1, mailed: true },
      { supplierId: 2, mailed: false },
    ],
  });
  expect(job).toHaveEnqueued({ type: "email", payload: { to: "orders@clay.example", subject: expect.stringContaining("Purchase order") } });
  const [mail] = await jobs({ type: "email" });
  const [second, first] = await drafts("buy-mail");
  expect(first).toMatchObject({ state: "approved", mailJobId: mail?.id });
  expect(second).toMatchObject({ state: "draft", mailJobId: null });
});

test("one of two approvals of a draft mails it; the other finds that it is no draft any more", async () => {
  const { bench, run } = await synced("buy-both", shortShop());
  const { id } = await run(supplierOrders);
  const [, first] = await drafts("buy-both");
  expect(await approvePurchase(scope("buy-both"), first!.id, "operator", bench.now())).toBe(true);
  await putSupplier(scope("buy-both"), 1, { email: "orders@clay.example", automatic: true });
  expect(await approvePurchase(scope("buy-both"), first!.id, id, bench.now())).toBe(false);
  expect(await draftsOf(scope("buy-both"), id)).toMatchObject([{ state: "approved", approvedBy: "operator" }, { state: "draft" }]);
});

test("a text that a spreadsheet would take for a formula is kept from it", () => {
  const row = {
    productId: 1,
    productAttributeId: 0,
    reference: "=1+1",
    name: 'Mug, "big"',
    quantity: 1,
    unitPrice: "-1.000000",
    total: "-1.000000",
    orderIds: [1],
  };
  const supplier = { id: 1, name: "", email: null };
  const csv = csvOf({
    id: 1,
    state: "draft",
    supplier,
    currency: "EUR",
    total: "1",
    rows: [row],
    createdAt: "",
    updatedAt: "",
    approvedBy: null,
    mailJobId: null,
  });
  expect(csv.split("\r\n")[1]).toBe(`1,"'=1+1","Mug, ""big""",1,0,1,-1.000000,-1.000000,EUR`);
});
