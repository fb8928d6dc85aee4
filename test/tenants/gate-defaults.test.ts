import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { usualLimits } from "../../src/tenants/gate-defaults";
import { syncOrders } from "../../src/jobs/sync-orders/job";
import { syncOrdersPart } from "../../src/jobs/sync-orders-part/job";
import { syncProducts } from "../../src/jobs/sync-products/job";
import { syncSingleOrder } from "../../src/jobs/sync-single-order/job";
import { createGates } from "../../src/tenants/gates";

const gates = createGates(env.GATE, async (_, dependency) => usualLimits(dependency));
const now = Date.UTC(2026, 10, 21);
const minute = 60_000;
const enter = async (tenant: string, dependency: string, ...ids: string[]) =>
  (await gates.enter(tenant, dependency, ids, minute, now)).map((answer) => (answer.granted ? answer.lease : null));

test("two jobs at once are let to a shop, one run at a time over its orders and its products; a connection has room for many", async () => {
  expect((await enter("gates-one", "shop:main", "a", "b", "c")).map((lease) => lease !== null)).toEqual([true, true, false]);
  expect((await enter("gates-one", "orders:main", "a", "b")).map((lease) => lease !== null)).toEqual([true, false]);
  expect((await enter("gates-one", "products:main", "a", "b")).map((lease) => lease !== null)).toEqual([true, false]);
  expect((await enter("gates-one", "mail", "a", "b", "c", "d")).every((lease) => lease !== null)).toBe(true);
});

test("a shop that fails holds back its own jobs only, not the tenant's other shops nor another tenant's of the same name", async () => {
  for (let failure = 0; failure < 5; failure++) {
    const [lease] = await enter("gates-two", "shop:broken", `job-${failure}`);
    await gates.leave("gates-two", "shop:broken", [{ id: `job-${failure}`, lease: lease ?? "", calls: "transient" }], now);
  }
  expect(await gates.status("gates-two", "shop:broken", now)).toMatchObject({ circuit: "open" });
  expect(await enter("gates-two", "shop:broken", "next")).toEqual([null]);
  expect(await enter("gates-two", "shop:sound", "next")).toEqual([expect.any(String)]);
  expect(await enter("gates-three", "shop:broken", "next")).toEqual([expect.any(String)]);
});

test("what reads a shop passes its gate", () => {
  const gatesOf = (contract: { gates?: ((payload: never) => readonly string[]) | undefined }, payload: object) => contract.gates?.(payload as never);
  expect(gatesOf(syncOrders, { siteId: "main" })).toEqual(["orders:main", "shop:main"]);
  expect(gatesOf(syncOrders, { siteId: "main", bulkMode: true })).toEqual([]);
  expect(gatesOf(syncOrdersPart, { siteId: "main", run: "r", from: 0, to: 1 })).toEqual(["shop:main"]);
  expect(gatesOf(syncProducts, { siteId: "main" })).toEqual(["products:main", "shop:main"]);
  expect(gatesOf(syncSingleOrder, { siteId: "main", orderId: 1 })).toEqual(["shop:main"]);
});
