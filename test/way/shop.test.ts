import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listed } from "../../scripts/bench/shop/compare.ts";
import { startWay, type Way } from "./support/harness.ts";
import { type Json, key as shopKey, minutes, Shops } from "./support/shops.ts";
import { untilJob } from "./support/until.ts";

let way: Way;
let shops: Shops;

beforeAll(async () => {
  way = await startWay();
  shops = new Shops(way, await way.tenant("shops"));
});
afterAll(() => way?.close());

describe.each([
  ["1.7.8", "America/Caracas"],
  ["8.2", "Asia/Kolkata"],
])("a shop of PrestaShop %s in %s", (version, timeZone) => {
  const site = `shop-${version.replaceAll(".", "-")}`;

  test("is read to the last row, and again for next to nothing", async () => {
    await shops.connect(site, { version, timeZone, orders: 300, products: 120, languages: 2 });
    const job = await shops.sync("sync-orders", site);
    expect(job.result).toMatchObject({ orders: 300, changed: 300, unreadable: [] });
    expect(job.progress).toMatchObject({ done: 300, total: 300 });
    expect(await shops.ordersDiffer(site)).toEqual([]);

    const before = await shops.requests(site);
    expect((await shops.sync("sync-orders", site)).result).toMatchObject({ changed: 0 });
    expect((await shops.requests(site)) - before).toBeLessThanOrEqual(5);

    await shops.change(site, "orders", { share: 0.03 });
    await way.tick(minutes(2));
    const unchanged = await shops.requests(site);
    expect((await shops.sync("sync-orders", site)).result).toMatchObject({ changed: 9 });
    expect((await shops.requests(site)) - unchanged).toBeLessThanOrEqual(15);
    expect(await shops.ordersDiffer(site)).toEqual([]);
    expect(await shops.state(site)).toMatchObject({ paused: null, timezone: timeZone, timeZone, orders: { count: 300, lastSuccess: expect.any(String) } });
  });

  test("has its products with combinations, quantities, prices and suppliers", async () => {
    await shops.sync("sync-products", site, { linkVendors: true });
    expect(await shops.productsDiffer(site)).toEqual([]);
    expect((await shops.tenant.get(`/v1/sites/${site}/suppliers`)).body.suppliers).toHaveLength(4);
  });

  test("was asked for one page at a time, none of them large", async () => {
    const { concurrency, largest } = await shops.control("GET", `/${site}`);
    expect(concurrency).toEqual({ now: 0, most: 1 });
    expect([largest.orders.rows, largest.products.rows].filter((rows) => rows > 100)).toEqual([]);
    expect(Object.values<Json>(largest).filter(({ bytes }) => bytes > 1_000_000)).toEqual([]);
  });
});

test("rows that change, come and go while their pages are read are in this run or the next", async () => {
  await shops.connect("moving", { orders: 300, products: 120 });
  const page = (number: number, resource: string, what: object) => shops.change("moving", resource, { ...what, afterRequests: number });
  // By the second page the run has passed the first ids: one of them changes, one behind them too, one goes, one comes.
  await page(2, "orders", { change: [{ id: 3, current_state: 5, total_paid: "77.000000" }] });
  await page(2, "orders", { change: [{ id: 290, current_state: 5 }], delete: [200] });
  await page(3, "orders", { add: [{ total_paid: "12.340000" }] });
  await shops.sync("sync-orders", "moving");
  await way.tick(minutes(3));
  await shops.sync("sync-orders", "moving");
  expect(await shops.ordersDiffer("moving")).toEqual([]);

  await page(2, "products", { change: [{ id: 5, price: "9.990000" }], delete: [100, 6], add: [{ reference: "NEW" }] });
  await shops.sync("sync-products", "moving", { linkVendors: true });
  await way.tick(minutes(3));
  await shops.sync("sync-products", "moving", { linkVendors: true });
  expect(await shops.productsDiffer("moving")).toEqual([]);
});

test("an order that the shop deletes later stays in the list, marked by the next run that compares", async () => {
  const before = (await listed(shops.sides("moving"), "orders")).length;
  await shops.change("moving", "orders", { delete: [10] });
  await way.tick(minutes(3));
  await shops.sync("sync-orders", "moving");
  expect(await listed(shops.sides("moving"), "orders")).toHaveLength(before);
  expect(await shops.sync("sync-orders", "moving", { lastDays: 40 })).toMatchObject({ result: { deleted: 1 } });
  const marked = (await listed(shops.sides("moving"), "orders")).filter((order) => order["deletedAt"] !== null);
  expect(marked.map(({ id }) => id)).toEqual([10]);
});

test("a webhook brings its order at once; another's signature brings nothing", async () => {
  await shops.connect("hooked", {}, { webhook: { secret: "hush-hush-hush-16" } });
  const send = (body: string, secret: string) => {
    const signature = createHmac("sha256", secret).update(body).digest("hex");
    return fetch(`${way.url}/v1/webhooks/shops/hooked`, { method: "POST", body, headers: { "x-prestashop-signature": `sha256=${signature}` } });
  };
  const body = JSON.stringify({ event: "order.created", id_order: "17" });
  expect((await send(body, "wrong")).status).toBe(401);
  const answer = await send(body, "hush-hush-hush-16");
  expect(answer.status).toBe(202);
  const { id } = (await answer.json()) as { id: string };
  await untilJob(shops.tenant, id, "done");
  expect((await listed(shops.sides("hooked"), "orders")).map((order) => order.id)).toEqual([17]);
  expect((await shops.tenant.get("/v1/jobs?q=order:17")).text).toContain(id);
});

test("a site has its schedules from the start, at a time of its own, and loses them with the site", async () => {
  await shops.schedule("timed", { orders: 1 });
  const schedules = async () => (await shops.tenant.get("/v1/schedules")).body.schedules.filter(({ siteId }: Json) => siteId === "timed");
  expect(await schedules()).toMatchObject([
    { name: "sync-orders-timed", cron: "0 */3 * * *", overlap: "skip", misfire: "once", enabled: true },
    { name: "sync-products-timed", payload: { siteId: "timed", incremental: true, linkVendors: true } },
  ]);
  expect((await shops.tenant.ask("DELETE", "/v1/sites/timed")).status).toBe(204);
  expect(await schedules()).toEqual([]);
});

test("an agent writes texts for products that lack them, and stores what a person approved", async () => {
  const { tenant } = shops;
  const apiKey = "sk-secret-of-the-agents-story";
  await tenant.ask("PUT", "/v1/connections/models", { body: { provider: "openai", baseUrl: `${way.sandbox.url}/models/v1`, apiKey, model: "good" } });
  await shops.connect("written", { products: 8, orders: 1 });
  await shops.sync("sync-products", "written");
  const id = await tenant.enqueue("agent", { agentType: "content-management", input: { siteId: "written" } });
  await untilJob(tenant, id, "waiting");
  const waiting = (await tenant.get(`/v1/agent-runs/${id}`)).body;
  expect(waiting).toMatchObject({ state: "waiting", waitingFor: "a person has to approve save_texts", approval: { state: "pending" } });
  expect(waiting.steps.map(({ kind, tool }: Json) => tool ?? kind)).toEqual(["input", "model", "read_alt_texts", "model"]);
  expect(waiting.proposal.texts.map(({ productId }: Json) => productId)).toEqual([4, 8]);
  const [first, second] = waiting.proposal.texts;
  const approved = await tenant.ask("POST", `/v1/agent-runs/${id}/approve`, { body: { proposal: { texts: [first, { ...second, metaTitle: "By hand" }] } } });
  expect(approved.body.approval).toMatchObject({ state: "approved", edited: true });
  expect((await untilJob(tenant, id, "done")).effects.map(({ key, state }: Json) => [key, state])).toEqual([
    ["s1:0", "done"],
    ["s2:0", "done"],
  ]);
  const { productTexts } = (await tenant.get("/v1/sites/written/product-texts")).body;
  expect(productTexts).toMatchObject([
    { productId: 4, metaTitle: first.metaTitle, job: id },
    { productId: 8, metaTitle: "By hand", job: id },
  ]);
  const questions = await way.sandbox.calls("?path=/models/*");
  expect(questions).toHaveLength(2);
  for (const { body } of questions) expect([body.includes(apiKey), body.includes(shopKey)]).toEqual([false, false]);
});

test("a key without a permission pauses the site with that reason, and it goes on once the key has it", async () => {
  await shops.connect("narrow");
  const all = ["order_states", "currencies", "carriers", "configurations", "products"];
  await shops.control("PATCH", "/narrow", { permissions: Object.fromEntries(all.map((name) => [name, ["GET", "HEAD"]])) });
  const id = await shops.tenant.enqueue("sync-orders", { siteId: "narrow" });
  const waiting = await untilJob(shops.tenant, id, "waiting");
  expect(waiting).toMatchObject({ attempt: 0, waitingFor: expect.stringMatching(/paused: .*key lacks GET on orders/) });
  expect((await shops.state("narrow")).paused).toMatchObject({ reason: expect.stringContaining("key lacks GET on orders") });
  expect(await shops.test("narrow")).toMatchObject({ ok: false, class: "config", reason: expect.stringContaining("orders") });
  await shops.control("PATCH", "/narrow", { permissions: "all" });
  expect(await shops.test("narrow")).toMatchObject({ ok: true, version: expect.stringContaining("8.2") });
  expect((await shops.state("narrow")).paused).toBeNull();
  await untilJob(shops.tenant, id, "done");
  expect(await shops.ordersDiffer("narrow")).toEqual([]);
});
