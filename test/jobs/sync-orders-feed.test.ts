import { expect, test } from "vitest";
import { eventsOf } from "../../src/domain/shop/events";
import { listOrders } from "../../src/domain/shop/orders/queries";
import { connect } from "../../src/domain/shop/site/store";
import { order, orderState, shopWith, start } from "./fake-shop";
import { minute, scope, many, stored, world } from "./order-sync";

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
