import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { orderDetail } from "../../src/domain/shop/orders/queries";
import { syncSingleOrder } from "../../src/jobs/sync-single-order/job";
import { order, shopWith, start } from "./fake-shop";
import { createSyncBench } from "./shop-bench";

const scope = (tenant: string) => ({ db: env.DB, tenant, site: "main" });

test("an order that is not committed yet is looked for at 5 s, 30 s and 2 min, then given up", async () => {
  const shop = shopWith([]);
  const yard = createSyncBench("single-late", () => shop);
  const job = await yard.run(syncSingleOrder, { orderId: 7 });
  expect(job).toBeDiscarded("the shop has no order 7, not after 4 looks");
  expect(job.runs).toBe(4);
  const gaps = yard.bench.now() - start;
  expect(gaps).toBeGreaterThanOrEqual((5 + 30 + 120) * 1000);
  expect(gaps).toBeLessThan((5 + 30 + 120) * 1200);
});

test("a shop that is down does not use up the looks", async () => {
  const shop = shopWith([]);
  const yard = createSyncBench("single-down", () => shop);
  shop.failures.push(...Array(6).fill({ on: "find orders", failure: { class: "transient", reason: "down" } }));
  shop.before = () => void (shop.calls.filter((call) => call.startsWith("find orders")).length === 9 && shop.put("orders", order(7)));
  const job = await yard.run(syncSingleOrder, { orderId: 7 });
  expect(job).toBeDone();
  expect(job.progress).toMatchObject({ done: 1, total: 1 });
});

test("one that comes late is stored with its customer, addresses, payments and shipments, and no secret", async () => {
  const shop = shopWith([]);
  const yard = createSyncBench("single-there", () => shop);
  shop.put("customers", {
    id: 3,
    firstName: "Ada",
    lastName: "Lovelace",
    email: "ada@example.com",
    company: "",
    isGuest: false,
    active: true,
    deleted: false,
    anonymous: false,
    defaultGroupId: 1,
    languageId: 1,
    dateAdd: null,
    dateUpd: null,
    dateUpdAmbiguous: false,
  });
  shop.put("order_payments", { id: 1, orderReference: "REF7", currencyId: 1, amount: 59_800_000, method: "Bank transfer", dateAdd: start });
  shop.put("order_carriers", {
    id: 1,
    orderId: 7,
    carrierId: 2,
    invoiceId: null,
    weight: 0,
    shippingCostTaxExcl: 0,
    shippingCostTaxIncl: 0,
    trackingNumber: "1Z999",
    dateAdd: start,
  });
  shop.put("carriers", { id: 2, referenceId: 2, name: "Post", active: true, deleted: false, trackingUrl: "" });
  shop.before = () => void (shop.calls.length === 2 && shop.put("orders", order(7, { customerId: 3 })));
  const job = await yard.run(syncSingleOrder, { orderId: 7 });
  expect(job).toBeDone({ changed: true });
  expect(await orderDetail(scope("single-there"), 7)).toMatchObject({
    id: 7,
    state: { name: "Paid", paid: true },
    currency: "EUR",
    customer: { firstName: "Ada", email: "ada@example.com" },
    deliveryAddress: null,
    payments: [{ method: "Bank transfer", amount: "59.800000" }],
    shipments: [{ carrier: "Post", trackingNumber: "1Z999" }],
  });
  for (const q of ["order:7", "order:main/7"]) expect((await yard.jobs({ q })).map(({ id }) => id)).toEqual([job.id]);
});
