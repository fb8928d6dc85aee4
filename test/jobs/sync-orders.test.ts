import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { syncOrders } from "../../src/jobs/sync-orders/job";
import { syncSingleOrder } from "../../src/jobs/sync-single-order/job";
import { eventsOf } from "../../src/domain/shop/events";
import { troubles } from "../../src/domain/shop/site/queries";
import { siteState } from "../../src/domain/shop/site/store";
import { FakeShop, order, shopWith, start } from "./fake-shop";
import { minute, scope, many, stored, expectEqual, world } from "./order-sync";

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

test("a dry run calls no shop and stores nothing", async () => {
  const shop = shopWith(many(3));
  expect(await world("orders-dry", shop).run({}, { dryRun: true })).toBeDone();
  expect(shop.calls).toEqual([]);
  expect(await stored("orders-dry")).toEqual([]);
});
