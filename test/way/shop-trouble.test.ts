import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startWay, type Way } from "./support/harness.ts";
import { minutes, Shops } from "./support/shops.ts";
import { until, untilJob } from "./support/until.ts";

let way: Way;
let shops: Shops;

beforeAll(async () => {
  way = await startWay();
  shops = new Shops(way, await way.tenant("shops"));
});
beforeEach(async () => {
  await way.sandbox.ask("DELETE", "/__faults");
  await way.calm();
});
afterAll(() => way?.close());

test("a shop that is down is parked, burns no patience of its own, and is read once it is back", async () => {
  await shops.connect("down");
  await way.trouble({ longestDelay: 1 });
  const fault = await way.sandbox.fault({ provider: "shop", path: "/down/*", status: 502 });
  // Webhooks come in as well: together they find out soon.
  const singles = [1, 2, 3, 4, 5].map((orderId) => ({ type: "sync-single-order", payload: { siteId: "down", orderId } }));
  const { body } = await shops.tenant.ask("POST", "/v1/jobs/batch", { body: { jobs: [{ type: "sync-orders", payload: { siteId: "down" } }, ...singles] } });
  const [orders, ...hints]: string[] = body.ids;
  const states = () => Promise.all(body.ids.map(async (id: string) => (await shops.tenant.job(id)).state));
  // While a run is under way its clock must not jump: the shop would look slow.
  const isAtRest = async () => !(await states()).some((state) => state === "running" || state === "queued");
  await until(
    "its sync is parked at the open circuit",
    async () => {
      // Each look of its own at the shop opens the circuit for longer, until it is not worth a message any more.
      if (await isAtRest()) await way.pass(30_000);
      const { state, gate, attempt } = await shops.tenant.job(orders!);
      return (state === "waiting" && gate === "shop:down") || { state, gate, attempt };
    },
    60,
  );
  const { attempt } = await shops.tenant.job(orders!);
  await way.sandbox.ask("DELETE", `/__faults/${fault}`);
  await until(
    "all are read",
    async () => {
      if (await isAtRest()) await way.tick(minutes(5));
      const now = await states();
      return now.every((state) => state === "done") || now;
    },
    60,
  );
  expect((await shops.tenant.job(orders!)).attempt).toBeLessThanOrEqual(attempt);
  expect(hints).toHaveLength(5);
  expect(await shops.ordersDiffer("down")).toEqual([]);
}, 150_000);

test("a key without a permission pauses the site with that reason, and it goes on once that is mended", async () => {
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
