import { env } from "cloudflare:workers";
import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { orderWrites } from "../../src/domain/shop/orders/store";
import { productWrites } from "../../src/domain/shop/products/store";
import { draftWrites, shortage } from "../../src/domain/shop/purchases/shortage";
import { namedWrites } from "../../src/domain/shop/related-rows";
import { pause } from "../../src/domain/shop/site/store";
import { purchaseOrderShape } from "../../src/domain/shop/purchases/model";
import { orderDetailShape, ordersShape, productsShape } from "../../src/intake/shop-shapes";
import { order, orderLine, orderState, product, start, stock } from "../jobs/fake-shop";
import { createIntakeBench, type Tokens } from "./bench";

const bench = createIntakeBench();
const shop = { platform: "prestashop", url: "https://shop.example.com", key: "A".repeat(32) };
const scope = { db: env.DB, tenant: "reading", site: "main" };
let tokens: Tokens;

const get = (path: string, token = tokens.read) => bench.call("GET", `/v1/sites/${path}`, { token });
const write = (writes: readonly unknown[]) => env.DB.batch(writes as D1PreparedStatement[]);

beforeAll(async () => {
  tokens = await bench.tenant("reading");
  await bench.call("PUT", "/v1/sites/main", { token: tokens.admin, body: shop });
  const customers = [
    {
      dateAdd: order(1).dateAdd,
      dateUpd: order(1).dateUpd,
      dateUpdAmbiguous: false,
      id: 3,
      firstName: "Ada",
      lastName: "L",
      email: "ada@example.com",
      company: "",
      isGuest: false,
      active: true,
      deleted: false,
      anonymous: false,
      defaultGroupId: 1,
      languageId: 1,
    },
  ];
  const orders = [order(1, { customerId: 3, lines: [orderLine(11)] }), order(2, { stateId: 4 })];
  const named = { order_states: [orderState(2, { name: "Paid" }), orderState(4, { shipped: true })], customers };
  await write(orderWrites(scope, { orders, named, details: [], readAt: start }, start));
  await write(
    productWrites(scope, { products: [product(1), product(2)], named: {}, details: [], stock: [stock(1, -2)], isStockWhole: true, readAt: start }, start),
  );
  await write(namedWrites(scope, "suppliers", [{ id: 1, name: "Clay", active: true }], start));
  await write(draftWrites(scope, "job", (await shortage(scope)).lines, start));
});

describe("orders", () => {
  test("are listed page by page, by id, in their shape", async () => {
    const first = await get("main/orders?limit=1");
    expect(first.status).toBe(200);
    expect(v.parse(ordersShape, first.body).orders.map(({ id }) => id)).toEqual([1]);
    expect(first.body.orders[0]).toMatchObject({ totalPaid: "59.800001", state: { id: 2, name: "Paid", paid: true, shipped: false }, customerId: 3 });
    const second = await get(`main/orders?limit=1&cursor=${first.body.cursor}`);
    expect(second.body).toMatchObject({ orders: [{ id: 2 }], cursor: null });
  });

  test("are filtered, and a filter that is none is refused", async () => {
    expect((await get("main/orders?state=4")).body.orders.map(({ id }: { id: number }) => id)).toEqual([2]);
    const feed = await get("main/orders?changedAfter=2020-01-01&limit=1");
    expect(feed.body.cursor).toMatch(/^c/);
    // The cursor alone stays in the feed.
    expect((await get(`main/orders?limit=1&cursor=${feed.body.cursor}`)).body).toMatchObject({ orders: [{ id: 2 }], cursor: null });
    for (const query of ["state=paid", "changedAfter=yesterday", "cursor=x", "limit=0", "customer=1"])
      expect((await get(`main/orders?${query}`)).status).toBe(422);
  });

  test("show customer and addresses to an admin who asks, and that is recorded", async () => {
    const plain = await get("main/orders/1");
    v.parse(orderDetailShape, plain.body);
    expect(plain.text).not.toContain("Ada");
    expect((await get("main/orders/1?reveal=1")).text).not.toContain("Ada");
    const revealed = await get("main/orders/1?reveal=1", tokens.admin);
    v.parse(orderDetailShape, revealed.body);
    expect(revealed.body).toMatchObject({ customer: { firstName: "Ada" }, revealed: true });
    expect(bench.seen.audits.at(-1)).toMatchObject({ tenant: "reading", action: "reveal", target: "main/order/1" });
    for (const id of ["99", "x", "0"]) expect((await get(`main/orders/${id}`)).status).toBe(404);
  });

  test("of a site that is not there, or another tenant's, are not found", async () => {
    const others = await bench.tenant("reading-other");
    expect((await get("nowhere/orders")).status).toBe(404);
    for (const path of ["orders", "orders/1", "products", "suppliers", "purchase-orders", "purchase-orders/1"])
      expect((await get(`main/${path}`, others.admin)).status).toBe(404);
  });
});

test("a shop at this service's own address is refused; the list tells of trouble", async () => {
  const tokens = await bench.tenant("own-address");
  const put = (url: string) => bench.call("PUT", "/v1/sites/main", { token: tokens.admin, body: { ...shop, url } });
  expect(await put("https://jobs.example.com/shop")).toMatchObject({ status: 422, body: { errors: [{ path: "url" }] } });
  expect(await put("https://shop.example.com")).toMatchObject({ status: 200 });
  expect((await bench.call("GET", "/v1/sites", { token: tokens.admin })).body).toMatchObject({ sites: [{ site: "main", paused: null, lastError: null }] });
});

test("products are listed with their quantities", async () => {
  const { body } = await get("main/products?active=true");
  expect(v.parse(productsShape, body).products.map(({ id, quantity }) => [id, quantity])).toEqual([
    [1, -2],
    [2, 0],
  ]);
});

test("a site tells how its syncs stand, and putting it again ends a pause and wakes what waits", async () => {
  await pause(scope, "the key lacks GET on orders", start);
  expect((await get("main")).body.sync).toMatchObject({
    paused: { reason: "the key lacks GET on orders" },
    orders: { cursor: null, lag: null, count: 2 },
    products: { count: 2 },
    eventsPending: 2,
  });
  await bench.call("PUT", "/v1/sites/main", { token: tokens.admin, body: shop });
  expect((await get("main")).body.sync.paused).toBeNull();
  expect(bench.seen.woken).toContain("reading/main");
  expect(await bench.call("POST", "/v1/sites/main/test", { token: tokens.operate })).toMatchObject({ status: 200, body: { ok: false, class: "config" } });
});

test("suppliers are listed, those in use or all", async () => {
  expect((await get("main/suppliers")).body).toMatchObject({ suppliers: [{ id: 1, name: "Clay", active: true }], cursor: null });
  expect((await get("main/suppliers?active=false")).body.suppliers).toEqual([]);
});

test("what a tenant changed of a site's schedules stays when the site is put again", async () => {
  const schedule = { type: "sync-orders", payload: { siteId: "main" }, siteId: "main", cron: "0 5 * * *", enabled: false };
  await bench.call("PUT", "/v1/schedules/sync-orders-main", { token: tokens.admin, body: schedule });
  await bench.call("PUT", "/v1/sites/main", { token: tokens.admin, body: shop });
  expect((await bench.call("GET", "/v1/schedules/sync-orders-main", { token: tokens.read })).body).toMatchObject({ cron: "0 5 * * *", enabled: false });
});

test("a draft goes out once its supplier has an address and an operator approves it, and only once", async () => {
  const approve = () => bench.call("POST", "/v1/sites/main/purchase-orders/1/approve", { token: tokens.operate });
  expect((await get("main/purchase-orders")).body).toMatchObject({ purchaseOrders: [{ id: 1, state: "draft", rows: [{ quantity: 2 }] }], cursor: null });
  expect(await approve()).toMatchObject({ status: 409 });
  const put = (supplier: number, email: string) => bench.call("PUT", `/v1/sites/main/suppliers/${supplier}`, { token: tokens.admin, body: { email } });
  expect((await put(1, "nobody")).status).toBe(422);
  expect((await put(9, "a@clay.example")).status).toBe(404);
  expect((await put(1, "a@clay.example")).body).toMatchObject({ name: "Clay", email: "a@clay.example", automatic: false });
  const { enqueue } = bench.deps;
  bench.deps.enqueue = async () => [{ ok: false, code: "idempotency-mismatch", detail: "Never.", errors: [] }];
  expect(await approve()).toMatchObject({ status: 422 });
  expect((await get("main/purchase-orders/1")).body).toMatchObject({ state: "draft", approvedBy: null, mailJobId: null });
  bench.deps.enqueue = async () => [{ ok: false, code: "unavailable", detail: "Not now.", errors: [], retryAfter: 5 }];
  expect(await approve()).toMatchObject({ status: 503 });
  expect((await get("main/purchase-orders/1")).body).toMatchObject({ state: "approved", mailJobId: null });
  bench.deps.enqueue = enqueue;
  const approved = await approve();
  expect(v.parse(purchaseOrderShape, approved.body)).toMatchObject({ state: "approved", approvedBy: "operator", mailJobId: expect.any(String) });
  expect(bench.seen.requests.at(-1)).toMatchObject({ type: "email", own: ["purchase-order", "main", "1"], payload: { to: "a@clay.example" } });
  expect(await approve()).toMatchObject({ status: 409 });
  expect(await bench.call("POST", "/v1/sites/main/purchase-orders/1/cancel", { token: tokens.operate })).toMatchObject({ status: 409 });
  const csv = await get("main/purchase-orders/1/csv");
  expect(csv.headers.get("content-type")).toContain("text/csv");
  expect(csv.text.split("\r\n")).toHaveLength(3);
});

test("a site that is removed takes what was read of it along", async () => {
  await bench.call("PUT", "/v1/sites/leaving", { token: tokens.admin, body: shop });
  await write(orderWrites({ ...scope, site: "leaving" }, { orders: [order(5)], named: {}, details: [], readAt: start }, start));
  expect((await bench.call("DELETE", "/v1/sites/leaving", { token: tokens.admin })).status).toBe(204);
  expect((await bench.call("DELETE", "/v1/sites/leaving", { token: tokens.admin })).status).toBe(404);
  for (const table of ["shop_orders", "shop_sites"]) {
    expect((await env.DB.prepare(`SELECT 1 FROM ${table} WHERE tenant = 'reading' AND site = 'leaving'`).all()).results).toEqual([]);
  }
  const { schedules } = (await bench.call("GET", "/v1/schedules", { token: tokens.read })).body;
  expect(schedules.map(({ siteId }: { siteId: string }) => siteId)).not.toContain("leaving");
  expect((await get("main/orders")).body.orders).toHaveLength(2);
});
