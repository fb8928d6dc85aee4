import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { syncOrders } from "../../src/jobs/sync-orders/job";
import { syncOrdersPart } from "../../src/jobs/sync-orders-part/job";
import { syncSingleOrder } from "../../src/jobs/sync-single-order/job";
import { eventsOf } from "../../src/domain/shop/events";
import { listOrders } from "../../src/domain/shop/orders/queries";
import { troubles } from "../../src/domain/shop/site/queries";
import { connect, siteState } from "../../src/domain/shop/site/store";
import type { Micros } from "../../src/decimal";
import { FakeShop, order, orderState, shopWith, start } from "./fake-shop";
import { createSyncBench } from "./shop-bench";

const minute = 60_000;
const scope = (tenant: string, site = "main") => ({ db: env.DB, tenant, site });
const many = (count: number) => Array.from({ length: count }, (_, index) => order(index + 1));

async function stored(tenant: string) {
  const orders = [];
  for (let after: number | undefined; ;) {
    const { items, next } = await listOrders(scope(tenant), { after, limit: 7 });
    orders.push(...items);
    if (next === null) return orders;
    after = next;
  }
}

/** What is stored, equal to the source row by row. */
async function expectEqual(tenant: string, shop: FakeShop) {
  const source = [...shop.tables.orders.values()].toSorted((left, right) => left.id - right.id);
  const rows = await stored(tenant);
  expect(rows.map(({ id }) => id)).toEqual(source.map(({ id }) => id));
  for (const [index, row] of rows.entries()) {
    const from = source[index]!;
    const money = (micros: Micros | null) => (Number(micros) / 1e6).toFixed(6);
    expect(row).toMatchObject({
      reference: from.reference,
      currency: "EUR",
      totalPaid: money(from.totalPaid),
      customerId: from.customerId,
      state: { id: from.stateId, name: shop.tables.order_states.get(from.stateId ?? 0)?.name },
      dateUpd: new Date(from.dateUpd!).toISOString(),
      lines: from.lines.map(({ productId, quantity, unitPriceTaxExcl }) => ({
        productId,
        productAttributeId: 0,
        quantity,
        unitPriceTaxExcl: money(unitPriceTaxExcl),
      })),
    });
  }
}

function world(tenant: string, shop: FakeShop) {
  const yard = createSyncBench(tenant, () => shop);
  type Options = Parameters<typeof yard.run<typeof syncOrders>>;
  return { ...yard, run: (payload: Options[1] = {}, options?: Options[2]) => yard.run(syncOrders, payload, options) };
}

test("a site that is not there is a dead letter that says so", async () => {
  const { run } = world("orders-none", new FakeShop());
  expect(await run({ siteId: "nowhere" })).toBeDiscarded('There is no site "nowhere".');
});

test("the first run reads forty days, page by page, and what is stored is what the shop has", async () => {
  const shop = shopWith([...many(18), order(19, { dateAdd: start - 41 * 24 * 60 * minute })]);
  const { run } = world("orders-first", shop);
  const job = await run();
  expect(job).toBeDone({ orders: 18, changed: 18, unreadable: [], warnings: [], to: new Date(start - minute).toISOString() });
  expect(job).toMatchObject({ runs: 1, progress: { done: 18, total: 18, note: "all read" } });
  shop.tables.orders.delete(19);
  await expectEqual("orders-first", shop);
  expect(shop.calls.filter((call) => call.startsWith("page orders"))).toEqual([0, 4, 8, 12, 16].map((after) => `page orders ${after}`));
  expect(await siteState(scope("orders-first"))).toMatchObject({ orders: { readTo: start - minute, lastSuccess: start }, paused: null });
});

test("a second run without a change asks hardly anything, and one with a change reads just that", async () => {
  const shop = shopWith(many(30));
  const { bench, run } = world("orders-again", shop);
  await run();
  shop.calls.length = 0;
  bench.advance(20 * minute);
  expect(await run()).toBeDone();
  expect(shop.calls.filter((call) => !call.startsWith("settings")).length).toBeLessThanOrEqual(5);
  shop.put("orders", order(7, { dateUpd: bench.now() - 2 * minute, stateId: 4 }));
  shop.calls.length = 0;
  bench.advance(minute);
  expect(await run()).toBeDone({ orders: 1, changed: 1 });
  await expectEqual("orders-again", shop);
});

test("killed at any page, it goes on where it was and stores nothing twice", async () => {
  const shop = shopWith(many(40));
  const { bench, run } = world("orders-killed", shop);
  let left = 10;
  shop.before = (call) => {
    if (!call.startsWith("page orders") || left === 0 || call === `page orders ${shop.calls.length}`) return;
    if (left-- % 2 === 0) return;
    throw new Error("the Worker was killed");
  };
  expect(await run()).toBeDone();
  await expectEqual("orders-killed", shop);
  const counts = new Map<string, number>();
  for (const call of shop.calls.filter((each) => each.startsWith("page orders"))) counts.set(call, (counts.get(call) ?? 0) + 1);
  expect(Math.max(...counts.values())).toBeLessThanOrEqual(3);
  expect(await eventsOf(scope("orders-killed"))).toEqual([]);
  expect(bench.held).toEqual([]);
});

test("a row that changes while pages are read is in this window or the next, and never lost", async () => {
  const shop = shopWith(many(12));
  const { bench, run } = world("orders-moving", shop);
  shop.before = (call) => {
    // What has not been read yet leaves the window; what has been read changes behind our back.
    if (call === "page orders 4") shop.put("orders", order(10, { dateUpd: bench.now(), totalPaid: 1 }), order(2, { dateUpd: bench.now(), totalPaid: 2 }));
  };
  await run();
  expect((await stored("orders-moving")).map(({ id }) => id)).not.toContain(10);
  bench.advance(10 * minute);
  await run();
  await expectEqual("orders-moving", shop);
});

test("of two copies of a row the newer stays, whichever comes last", async () => {
  const shop = shopWith([order(1, { dateUpd: start - 5 * minute, totalPaid: 2_000_000 })]);
  const { bench, run } = world("orders-newer", shop);
  await run();
  shop.put("orders", order(1, { dateUpd: start - 6 * minute, totalPaid: 1_000_000 }));
  bench.advance(minute);
  await run({ lastDays: 1 });
  expect((await stored("orders-newer"))[0]).toMatchObject({ totalPaid: "2.000000" });
  shop.put("orders", order(1, { dateUpd: start - 5 * minute, totalPaid: 3_000_000 }));
  bench.advance(minute);
  await run({ lastDays: 1 });
  expect((await stored("orders-newer"))[0]).toMatchObject({ totalPaid: "3.000000" });
  shop.put("orders", order(1, { dateUpd: start - 65 * minute, dateUpdAmbiguous: true, totalPaid: 4_000_000 }));
  bench.advance(minute);
  await run({ lastDays: 1 });
  expect((await stored("orders-newer"))[0]).toMatchObject({ totalPaid: "4.000000" });
});

test("bulk mode splits the window into jobs of a week, and the cursor moves when the last of them is through", async () => {
  const days = (count: number) => start - count * 24 * 60 * minute;
  const shop = shopWith([1, 8, 15, 22, 29, 36].map((age, index) => order(index + 1, { dateAdd: days(age) })));
  const { run, jobs } = world("orders-bulk", shop);
  const parent = await run({ lastDays: 40, bulkMode: true });
  expect(parent).toBeDone({ parts: 6, orders: 6, changed: 6 });
  expect(parent.progress).toMatchObject({ done: 6, total: 6 });
  expect(parent).toHaveEnqueued(...Array.from({ length: 6 }, () => ({ type: syncOrdersPart.type })));
  for (const part of await jobs({ type: syncOrdersPart.type })) expect(part).toBeDone();
  await expectEqual("orders-bulk", shop);
  expect(await siteState(scope("orders-bulk"))).toMatchObject({ orders: { readTo: start - minute } });
});

test("a bulk run of a site that is not there is a dead letter, and so is a part of no bulk run", async () => {
  const { bench, run, accept } = world("orders-strange", shopWith(many(1)));
  expect(await run({ siteId: "nowhere", bulkMode: true })).toBeDiscarded('There is no site "nowhere".');
  const part = await accept(syncOrdersPart, { run: "mine", from: 0, to: start });
  expect(await part.untilEnded()).toBeDiscarded(/bulkMode/);
  expect(await stored("orders-strange")).toEqual([]);
  const [refused] = await bench.accept([{ tenant: "orders-strange", type: "sync-orders", payload: { siteId: "main", part: {} } }]);
  expect(refused).toMatchObject({ ok: false, code: "invalid" });
});

test("a part of a bulk run that is missing keeps the cursor where it was", async () => {
  const shop = shopWith(many(3));
  const { run, jobs } = world("orders-gap", shop);
  shop.failures.push({ on: "page orders", failure: { class: "permanent", reason: "400: bad filter" } });
  const parent = await run({ lastDays: 20, bulkMode: true });
  const [part] = await jobs({ type: syncOrdersPart.type, state: "discarded" });
  expect(parent).toMatchObject({ state: "discarded", reason: expect.stringContaining(`its job ${part?.id} is discarded`) });
  expect(await siteState(scope("orders-gap"))).toMatchObject({ orders: { readTo: null } });
});

test("a key without a permission pauses the site with the reason; its jobs wait and count no attempt, and one tries again each hour", async () => {
  const shop = shopWith(many(3));
  const { bench, run, accept } = world("orders-paused", shop);
  const refusal = { on: "page orders", failure: { class: "config", code: "26", reason: "the key lacks GET on orders" } as const };
  shop.failures.push(refusal);
  const job = await (await accept(syncOrders, {})).untilIdle();
  expect(job).toHaveWaited("the site is paused: the key lacks GET on orders");
  expect(await siteState(scope("orders-paused"))).toMatchObject({ paused: { reason: "the key lacks GET on orders", probeAt: start + 60 * minute } });

  const calls = shop.calls.length;
  const other = await (await accept(syncSingleOrder, { orderId: 1 })).untilIdle();
  expect(other).toHaveWaited();
  expect(shop.calls.length).toBe(calls);

  await bench.tick(61 * minute);
  await bench.deliverAll();
  await bench.tick(10 * minute);
  await bench.deliverAll();
  for (const each of [job, other]) expect(await each.reload()).toBeDone();
  expect(await siteState(scope("orders-paused"))).toMatchObject({ paused: null });
  expect(await run()).toBeDone();
});

test("a shop that does not answer is tried again, from the page it did not give", async () => {
  const shop = shopWith(many(10));
  const { accept } = world("orders-down", shop);
  const down = { class: "transient", reason: "the connection failed" } as const;
  shop.failures.push(...Array(6).fill({ on: "page orders 4", failure: down }));
  const errors: unknown[] = [];
  const look = async () => errors.push((await siteState(scope("orders-down")))?.lastError?.reason);
  const job = await (await accept(syncOrders, {})).untilIdle();
  await look();
  expect((await troubles(env.DB, "orders-down")).get("main")).toMatchObject({ paused: null, lastError: { reason: "the connection failed" } });
  const ended = await job.untilEnded();
  await look();
  expect(errors).toEqual(["the connection failed", undefined]);
  expect(ended).toBeDone();
  expect(ended.attempt).toBe(1);
  expect(shop.calls.filter((call) => call === "page orders 0")).toHaveLength(1);
  await expectEqual("orders-down", shop);
});

test("a shop that needs long is left after one call, and then read a page at a time while others pass", async () => {
  const shop = shopWith(many(10));
  const { bench, run } = world("orders-slow", shop);
  shop.before = (call) => void (call.startsWith("page orders") && bench.advance(30_000));
  const job = await run();
  expect(job).toBeDone();
  expect(job).toMatchObject({ runs: 4, attempt: 1 });
  const reads = shop.calls.filter((call) => /^(page|find) (orders|customers)/.test(call));
  expect(reads.slice(0, 4)).toEqual(["page orders 0", "page orders 0", "find customers 4", "page orders 4"]);
  expect(bench.events).toContainEqual(
    expect.objectContaining({ event: "settled", state: "waiting", reason: "the shop answers slowly: its jobs let others pass" }),
  );
  await expectEqual("orders-slow", shop);
});

test("what was there before the shop was connected is not announced; each new order is once, and each change of any one's state once", async () => {
  const shop = shopWith([...many(3), order(5, { dateAdd: null, dateUpd: start - 5 * minute })]);
  const { bench, run } = world("orders-events", shop);
  await run();
  expect(await eventsOf(scope("orders-events"))).toEqual([]);
  await run({ lastDays: 10 });
  bench.advance(20 * minute);
  shop.put("orders", order(2, { dateUpd: bench.now() - 5 * minute, stateId: 4 }), order(4, { dateAdd: bench.now() - 5 * minute }));
  await run();
  await run({ lastDays: 10 });
  bench.advance(20 * minute);
  shop.put("orders", order(2, { dateUpd: bench.now() - 5 * minute, stateId: 2 }), order(6, { dateAdd: null, dateUpd: bench.now() - 5 * minute }));
  await run();
  const events = await eventsOf(scope("orders-events"));
  expect(events.map(({ type, data }) => [type, data["orderId"], data["stateId"], data["previousStateId"]])).toEqual([
    ["order.status_changed", 2, 4, 2],
    ["order.created", 4, 2, null],
    ["order.status_changed", 2, 2, 4],
    ["order.created", 6, 2, null],
  ]);
  expect(new Set(events.map(({ id }) => id)).size).toBe(4);
  for (const { id } of events) expect(id).not.toContain(".");
});

test("an order placed around the connecting moment is published once; old orders in a wider window are not", async () => {
  const shop = shopWith([...many(3), order(4, { dateAdd: start - 60 * 24 * 60 * minute })]);
  const { bench, run } = world("orders-around", shop);
  await connect(scope("orders-around"), false, start + 500);
  await run();
  shop.put("orders", order(9, { dateAdd: start - 2 * minute }));
  bench.advance(2 * minute);
  await run();
  await run();
  await run({ lastDays: 90 });
  const events = await eventsOf(scope("orders-around"));
  expect(events.map(({ type, data }) => [type, data["orderId"]])).toEqual([["order.created", 9]]);
  expect(await stored("orders-around")).toHaveLength(5);
});

test("the feed gives each change once, in the order in which it was stored", async () => {
  const shop = shopWith(many(9));
  const { bench, run } = world("orders-feed", shop);
  await run();
  const feed = async (changedAfter: number) => (await listOrders(scope("orders-feed"), { changedAfter, limit: 100 })).items;
  const all = await feed(0);
  expect(new Set(all.map(({ changedAt }) => changedAt)).size).toBe(9);
  const seen = Date.parse(all.at(-1)!.changedAt);
  expect(await feed(seen)).toEqual([]);
  bench.advance(20 * minute);
  shop.put("orders", order(3, { dateUpd: bench.now() - 2 * minute, totalPaid: 5 }));
  await run();
  expect((await feed(seen)).map(({ id }) => id)).toEqual([3]);
});

test("a filter looks at a bounded number of rows and says where to go on", async () => {
  const shop = shopWith(many(9));
  shop.put("order_states", orderState(9, { paid: false }));
  shop.put("orders", order(5, { stateId: 4 }), order(6, { customerId: 99, reference: "SPLIT" }), order(7, { reference: "SPLIT" }));
  await world("orders-filter", shop).run();
  const ids = async (filter: object) => (await listOrders(scope("orders-filter"), { limit: 10, ...filter })).items.map(({ id }) => id);
  expect(await ids({ state: 4 })).toEqual([5]);
  expect(await ids({ customer: 99 })).toEqual([6]);
  expect(await ids({ reference: "SPLIT" })).toEqual([6, 7]);
  expect(await ids({ q: "spl" })).toEqual([6, 7]);
  expect(await ids({ q: "split", customer: 99 })).toEqual([6]);
  expect(await ids({ q: "SPLIT", limit: 1 })).toEqual([6]);
  expect(await ids({ q: "nothing like it" })).toEqual([]);
  expect(await ids({ from: order(3).dateAdd, to: order(5).dateAdd })).toEqual([3, 4]);
  expect(await listOrders(scope("orders-filter", "other"), { limit: 10 })).toEqual({ items: [], next: null });
  expect(await listOrders(scope("nobody"), { limit: 10 })).toEqual({ items: [], next: null });
});

test("a dry run calls no shop and stores nothing", async () => {
  const shop = shopWith(many(3));
  expect(await world("orders-dry", shop).run({}, { dryRun: true })).toBeDone();
  expect(shop.calls).toEqual([]);
  expect(await stored("orders-dry")).toEqual([]);
});
