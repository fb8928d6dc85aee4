import { createHmac } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Answer, Api } from "./support/api.ts";
import { startWay, type Way } from "./support/harness.ts";
import { until, untilJob } from "./support/until.ts";

let way: Way;
let tenant: Api;

/** JSON of any shape, looked into without ceremony. */
// oxlint-disable-next-line no-explicit-any
type Json = any;

const key = "SANDBOXSHOPKEYFORTHETENANTDEMO01";
const minutes = (count: number) => count * 60_000;
const control = async (method: string, path: string, body?: unknown): Promise<Json> => {
  const { status, text } = await way.sandbox.ask(method, `/shop/__shops${path}`, body);
  if (status >= 300) throw new Error(text);
  return JSON.parse(text);
};

beforeAll(async () => {
  way = await startWay();
  tenant = await way.tenant("shops");
});
beforeEach(async () => void (await way.sandbox.ask("DELETE", "/__faults")));
afterAll(() => way?.close());

/** A shop in the sandbox and a site that points at it. */
async function connect(name: string, settings: Record<string, unknown> = {}, site: Record<string, unknown> = {}): Promise<void> {
  await control("POST", "", {
    name,
    key,
    orders: 150,
    products: 30,
    timeZone: "UTC",
    until: Math.floor(way.now() / 1000) * 1000 - minutes(5),
    spanDays: 30,
    ...settings,
  });
  const put = await tenant.ask("PUT", `/v1/sites/${name}`, { body: { platform: "prestashop", url: `${way.sandbox.url}/shop/${name}`, key, ...site } });
  if (put.status !== 200) throw new Error(put.text);
}

async function sync(type: string, site: string, payload: object = {}, seconds = 60) {
  return untilJob(tenant, await tenant.enqueue(type, { siteId: site, ...payload }), "done", seconds);
}

async function pages(path: string, name: string): Promise<Json[]> {
  const all: Json[] = [];
  for (let cursor = ""; ;) {
    const { body, status, text }: Answer = await tenant.get(`${path}?limit=200${cursor && `&cursor=${cursor}`}`);
    if (status !== 200) throw new Error(text);
    all.push(...body[name]);
    if (body.cursor === null) return all;
    cursor = body.cursor;
  }
}

async function truth(site: string, resource: string): Promise<Json[]> {
  const rows: Json[] = [];
  for (let after = 0; ;) {
    const page = await control("GET", `/${site}/rows/${resource}?limit=10000&after=${after}`);
    rows.push(...page.rows);
    if (page.after === null) return rows;
    after = page.after;
  }
}

const requests = async (site: string): Promise<number> => (await control("GET", `/${site}`)).requests.total;

/** What we have is what the shop has, row by row. */
async function expectSameOrders(site: string): Promise<void> {
  const [ours, theirs, states] = await Promise.all([pages(`/v1/sites/${site}/orders`, "orders"), truth(site, "orders"), truth(site, "order_states")]);
  const state = new Map(states.map((each) => [each.id, each]));
  expect(ours.map(({ id }) => id)).toEqual(theirs.map(({ id }) => id));
  for (const [index, order] of ours.entries()) {
    const from = theirs[index];
    expect(order).toMatchObject({
      reference: from.reference,
      state: { id: from.current_state, paid: state.get(from.current_state).paid, shipped: state.get(from.current_state).shipped },
      totalPaid: from.total_paid,
      totalPaidTaxExcl: from.total_paid_tax_excl,
      customerId: from.id_customer,
      dateAdd: from.date_add,
      dateUpd: from.date_upd,
      lines: from.order_rows.map((row: Json) => ({
        productId: row.product_id,
        productAttributeId: row.product_attribute_id,
        reference: row.product_reference,
        name: row.product_name,
        quantity: row.product_quantity,
        unitPriceTaxExcl: row.unit_price_tax_excl,
      })),
    });
  }
}

describe.each([
  ["1.7.8", "America/Caracas"],
  ["8.2", "Asia/Kolkata"],
])("a shop of PrestaShop %s in %s", (version, timeZone) => {
  const site = `shop-${version.replaceAll(".", "-")}`;

  test("is read to the last row, and again for next to nothing", { timeout: 180_000 }, async () => {
    await connect(site, { version, timeZone, orders: 1000, languages: 2 });
    const job = await sync("sync-orders", site, {}, 150);
    expect(job.result).toMatchObject({ orders: 1000, changed: 1000, unreadable: [] });
    expect(job.progress).toMatchObject({ done: 1000, total: 1000 });
    await expectSameOrders(site);

    const before = await requests(site);
    expect(await sync("sync-orders", site)).toMatchObject({ state: "done" });
    expect((await requests(site)) - before).toBeLessThanOrEqual(5);

    await control("POST", `/${site}/changes`, { resource: "orders", share: 0.01 });
    await way.tick(minutes(2));
    const unchanged = await requests(site);
    expect((await sync("sync-orders", site)).result).toMatchObject({ changed: 10 });
    expect((await requests(site)) - unchanged).toBeLessThanOrEqual(15);
    await expectSameOrders(site);
    const { sync: state } = (await tenant.get(`/v1/sites/${site}`)).body;
    expect(state).toMatchObject({ paused: null, timeZone, orders: { count: 1000, lastSuccess: expect.any(String) } });
  });

  test("has its products with combinations, quantities and suppliers", { timeout: 120_000 }, async () => {
    await sync("sync-products", site, { linkVendors: true }, 100);
    const [ours, theirs, stock] = await Promise.all([
      pages(`/v1/sites/${site}/products`, "products"),
      truth(site, "products"),
      truth(site, "stock_availables"),
    ]);
    const quantity = new Map(stock.map((row) => [`${row.id_product}/${row.id_product_attribute}`, row.quantity]));
    expect(ours.map(({ id }) => id)).toEqual(theirs.map(({ id }) => id));
    for (const [index, product] of ours.entries()) {
      expect(product).toMatchObject({
        reference: theirs[index].reference,
        price: theirs[index].price,
        active: theirs[index].active,
        quantity: quantity.get(`${product.id}/0`),
      });
    }
    const combinations = await truth(site, "combinations");
    expect(ours.flatMap((product) => product.combinations.map((each: Json) => each.id)).toSorted((a, b) => a - b)).toEqual(combinations.map(({ id }) => id));
    expect((await tenant.get(`/v1/sites/${site}/suppliers`)).body.suppliers.length).toBeGreaterThan(0);
  });
});

test("killed ten times on the way, it ends equal all the same", { timeout: 400_000 }, async () => {
  await connect("killed", { orders: 1000 });
  const id = await tenant.enqueue("sync-orders", { siteId: "killed" });
  // So slow that a kill meets it between two pages.
  await way.sandbox.fault({ provider: "shop", delayMs: 150 });
  // A lost message is looked for ever more rarely: the clock goes on while nothing happens.
  const goesOn = async (what: string, seen: () => Promise<boolean>) => {
    let last = -1;
    let still = 0;
    await until(
      what,
      async () => {
        if (await seen()) return true;
        const made = await requests("killed");
        still = made === last ? still + 1 : 0;
        if (still > 2) await way.tick(minutes(60));
        last = made;
        return false;
      },
      90,
    );
  };
  const ended = async () => (await tenant.job(id)).endedAt !== null;
  let kills = 0;
  while (kills < 10 && !(await ended())) {
    const before = await requests("killed");
    await goesOn("the run goes on", async () => (await requests("killed")) > before + 9 || (await ended()));
    if (await ended()) break;
    await way.api.ask("POST", "/__test/abort").catch(() => undefined);
    await until("the Worker is back", async () => (await way.api.get("/healthz").catch(() => undefined))?.status === 200, 30);
    kills += 1;
  }
  await goesOn("the job ends", ended);
  expect(await tenant.job(id)).toMatchObject({ state: "done", result: { orders: 1000 } });
  expect(kills).toBe(10);
  await expectSameOrders("killed");
});

test("across the hour that a clock change repeats, no order is missed", { timeout: 60_000 }, async () => {
  const change = Date.UTC(2026, 9, 25, 1);
  await connect("fold", { timeZone: "Europe/Madrid", orders: 400, until: change + minutes(4 * 60), spanDays: 0.5 });
  await sync("sync-orders", "fold");
  const [ours, theirs] = await Promise.all([pages("/v1/sites/fold/orders", "orders"), truth("fold", "orders")]);
  expect(ours.map(({ id }) => id)).toEqual(theirs.map(({ id }) => id));
  // Local time does not tell the two hours apart: within them a date may be an hour off, elsewhere it may not.
  const off = ours.map(({ dateUpd }, index) => Math.abs(Date.parse(dateUpd) - Date.parse(theirs[index].date_upd)));
  const doubtful = theirs.map(({ date_upd }) => Math.abs(Date.parse(date_upd) - change) <= minutes(60));
  expect(off.filter((ms, index) => ms !== 0 && !(doubtful[index] && ms === minutes(60)))).toEqual([]);
});

test("a shop that is down is parked, burns no patience of its own, and is read once it is back", { timeout: 120_000 }, async () => {
  await connect("down");
  const id = await way.sandbox.fault({ provider: "shop", path: "/down/*", status: 502 });
  const job = await tenant.enqueue("sync-orders", { siteId: "down" });
  await until(
    "the circuit is open",
    async () => {
      await way.tick(minutes(5));
      const { state, gate } = await tenant.job(job);
      return (state === "waiting" && gate === "shop:down") || { state, gate };
    },
    60,
  );
  await way.sandbox.ask("DELETE", `/__faults/${id}`);
  await until(
    "it is read",
    async () => {
      await way.tick(minutes(11));
      return (await tenant.job(job)).state === "done";
    },
    60,
  );
  await expectSameOrders("down");
});

test("a key without a permission pauses the site with that reason, and it goes on once that is mended", { timeout: 60_000 }, async () => {
  await connect("narrow");
  const all = ["order_states", "currencies", "carriers", "configurations", "products"];
  await control("PATCH", "/narrow", { permissions: Object.fromEntries(all.map((name) => [name, ["GET", "HEAD"]])) });
  const id = await tenant.enqueue("sync-orders", { siteId: "narrow" });
  const waiting = await untilJob(tenant, id, "waiting");
  expect(waiting).toMatchObject({ attempt: 0, waitingFor: expect.stringMatching(/paused: .*orders/) });
  expect((await tenant.get("/v1/sites/narrow")).body.sync.paused).toMatchObject({ reason: expect.stringContaining("orders") });
  expect((await tenant.ask("POST", "/v1/sites/narrow/test")).body).toMatchObject({ ok: false, class: "config", reason: expect.stringContaining("orders") });
  await control("PATCH", "/narrow", { permissions: "all" });
  expect((await tenant.ask("POST", "/v1/sites/narrow/test")).body).toMatchObject({ ok: true, version: expect.stringContaining("8.2") });
  expect((await tenant.get("/v1/sites/narrow")).body.sync.paused).toBeNull();
  await untilJob(tenant, id, "done", 40);
  await expectSameOrders("narrow");
});

test("a wrong key, a wrong address, and a shop that is switched off: each with a reason to act on", { timeout: 60_000 }, async () => {
  await connect("wrong");
  const put = (more: object) => tenant.ask("PUT", "/v1/sites/wrong", { body: { platform: "prestashop", url: `${way.sandbox.url}/shop/wrong`, key, ...more } });
  const tested = async () => (await tenant.ask("POST", "/v1/sites/wrong/test")).body;
  await put({ key: "X".repeat(32) });
  expect(await tested()).toMatchObject({ ok: false, class: "config", reason: expect.stringMatching(/key/i) });
  await put({ url: `${way.sandbox.url}/mail` });
  expect(await tested()).toMatchObject({ ok: false, class: "config" });
  await put({});
  await control("PATCH", "/wrong", { enabled: false });
  expect(await tested()).toMatchObject({ ok: false, class: "config", reason: expect.stringMatching(/webservice/i) });
  await control("PATCH", "/wrong", { enabled: true });
  expect(await tested()).toMatchObject({ ok: true });
  expect(await tenant.ask("POST", "/v1/sites/nowhere/test")).toMatchObject({ status: 404 });
});

test("a webhook brings its order at once; another's signature brings nothing", { timeout: 60_000 }, async () => {
  await connect("hooked", {}, { webhook: { secret: "hush-hush" } });
  const send = (body: string, secret: string) => {
    const signature = createHmac("sha256", secret).update(body).digest("hex");
    return fetch(`${way.url}/v1/webhooks/shops/hooked`, { method: "POST", body, headers: { "x-prestashop-signature": `sha256=${signature}` } });
  };
  const body = JSON.stringify({ event: "order.created", id_order: "17" });
  expect((await send(body, "wrong")).status).toBe(401);
  const answer = await send(body, "hush-hush");
  expect(answer.status).toBe(202);
  const { id } = (await answer.json()) as { id: string };
  await untilJob(tenant, id, "done", 30);
  const [order, ...others] = await pages("/v1/sites/hooked/orders", "orders");
  expect(others).toEqual([]);
  expect(order).toMatchObject({ id: 17 });
  expect((await tenant.get("/v1/jobs?q=order:17")).text).toContain(id);
});

test("a site has its schedules from the start, at a time of its own, and loses them with the site", async () => {
  await connect("timed", { orders: 1 });
  const schedules = async () => (await tenant.get("/v1/schedules")).body.schedules.filter(({ siteId }: Json) => siteId === "timed");
  expect(await schedules()).toMatchObject([
    { name: "sync-orders-timed", cron: "0 */3 * * *", overlap: "skip", misfire: "once", enabled: true },
    { name: "sync-products-timed", payload: { siteId: "timed", incremental: true, linkVendors: true } },
  ]);
  expect((await tenant.ask("DELETE", "/v1/sites/timed")).status).toBe(204);
  expect(await schedules()).toEqual([]);
});

test("two hundred shops at once: one that answers in thirty seconds holds none of the others back", { timeout: 300_000 }, async () => {
  const names = Array.from({ length: 200 }, (_, index) => `many-${index}`);
  for (const name of names) await connect(name, { orders: 2, products: 1 });
  await way.sandbox.fault({ provider: "shop", path: "/many-3/*", delayMs: 30_000 });
  const jobs = names.map((siteId) => ({ type: "sync-orders", payload: { siteId } }));
  const { ids } = (await tenant.ask("POST", "/v1/jobs/batch", { body: { jobs } })).body;
  const ended = async () =>
    (await way.rows<{ id: string; ended: number | null }>("SELECT id, ended FROM jobs WHERE tenant = 'shops' AND site LIKE 'many-%'")).filter(
      (row) => row.ended !== null,
    );
  await until("the others are done", async () => (await ended()).length >= 199 || (await ended()).length, 200);
  const slow = ids[3];
  expect((await ended()).map(({ id }) => id)).not.toContain(slow);
  expect((await tenant.job(slow)).error).toBeUndefined();
});
