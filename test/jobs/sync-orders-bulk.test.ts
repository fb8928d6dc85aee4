import { expect, test } from "vitest";
import { syncOrdersPart } from "../../src/jobs/sync-orders-part/job";
import { siteState } from "../../src/domain/shop/site/store";
import { order, shopWith, start } from "./fake-shop";
import { minute, scope, many, stored, expectEqual, world } from "./order-sync";

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
