import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { testShop } from "../../../../src/domain/shop/site/test-connection";
import { failed, ok } from "../../../../src/queue/effect";
import type { Entry } from "../../../../src/queue/ports/gates";
import { FakeShop } from "../../../jobs/fake-shop";

function shopTest(shop: FakeShop, enter: () => Entry) {
  const left: unknown[] = [];
  const gates = { enter: async () => [enter()], leave: async (_tenant: string, gate: string, reports: readonly unknown[]) => void left.push(gate, ...reports) };
  return {
    left,
    all: { db: env.DB, now: Date.now, engine: { gates, capabilities: async () => ({ shops: { open: async () => ok(shop) } }) }, wake: async () => undefined },
  };
}

test("a test has a place in the shop's gate, and gives it back with how its calls went", async () => {
  const shop = new FakeShop();
  const { left, all } = shopTest(shop, () => ({ granted: true, lease: "l1" }));
  expect(await testShop(all, "looks", "main")).toMatchObject({ ok: true });
  shop.failures.push({ on: "test", failure: { class: "transient", reason: "no answer" } });
  expect(await testShop(all, "looks", "main")).toMatchObject({ ok: false, class: "transient" });
  expect(left).toMatchObject(["shop:main", { lease: "l1", calls: "answered" }, "shop:main", { lease: "l1", calls: "transient", reason: "no answer" }]);
});

test("a shop whose gate is full is busy, and not called", async () => {
  const shop = new FakeShop();
  const { left, all } = shopTest(shop, () => ({ granted: false, reason: "concurrency", until: 0, park: false }));
  await expect(testShop(all, "looks", "full")).rejects.toMatchObject({ code: "unavailable", retryAfter: 5 });
  expect([shop.calls, left]).toEqual([[], []]);
});

test("an open circuit lets an operator test the connection, one test at a time", async () => {
  const { left, all } = shopTest(new FakeShop(), () => ({ granted: false, reason: "open", until: 0, park: true }));
  const answers = await Promise.allSettled([testShop(all, "looks", "open"), testShop(all, "looks", "open")]);
  expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  expect(left).toEqual([]);
});

test("a shop that is slower than the test may take is slow, and no run has ended", async () => {
  const shop = new FakeShop();
  shop.test = async (signal) => {
    await new Promise((resolve) => signal?.addEventListener("abort", resolve));
    return failed({ class: "transient", reason: "the run ended while the call was under way" });
  };
  const { all } = shopTest(shop, () => ({ granted: true, lease: "l1" }));
  const reason = "the shop answers too slowly: the test was not over within 25 seconds";
  expect(await testShop({ ...all, limitMs: 1 }, "looks", "slow")).toEqual({ ok: false, class: "transient", reason });
});
