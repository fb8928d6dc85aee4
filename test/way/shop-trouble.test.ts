import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { seeded } from "../../scripts/sandbox/faults.ts";
import { startWay, type Way } from "./support/harness.ts";
import { type Json, minutes, Shops } from "./support/shops.ts";
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

test("killed ten times on the way, a sync ends equal all the same", async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = seeded(seed);
  await shops.connect("killed", { orders: 1000 });
  const id = await shops.tenant.enqueue("sync-orders", { siteId: "killed" });
  for (let kill = 1; kill <= 10; kill++) {
    // It dies in the middle of whichever call that is: a page, its customers, its payments, a list of states. A page takes six or so.
    await shops.hold("killed", 1 + Math.floor(random() * 7));
    await until(`kill ${kill} of seed ${seed} meets a call`, async () => (await shops.held("killed")) === 1, 40);
    await way.api.ask("POST", "/__test/abort").catch(() => undefined);
    await shops.release("killed");
    await until("the Worker is back", async () => (await way.api.get("/healthz").catch(() => undefined))?.status === 200, 40);
    // A message that is lost time and again is looked for ever more rarely.
    const [{ due }] = (await way.rows<{ due: number }>("SELECT max(until, coalesce(wake, 0)) AS due FROM jobs WHERE id = ?", id)) as [{ due: number }];
    await way.tickTo(Math.max(due, way.now() + minutes(15)) + 1000);
  }
  expect(await untilJob(shops.tenant, id, "done", 40)).toMatchObject({ result: { orders: 1000 } });
  expect(await shops.ordersDiffer("killed")).toEqual([]);
}, 120_000);

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

test("two hundred shops on schedule: one that answers in thirty seconds waits, and holds none of the others back", async () => {
  const names = Array.from({ length: 200 }, (_, index) => `many-${index}`);
  for (let at = 0; at < names.length; at += 20) await Promise.all(names.slice(at, at + 20).map((name) => shops.schedule(name, { orders: 1, products: 1 })));
  // Orders are enough.
  await way.rows("DELETE FROM schedules WHERE tenant = 'shops' AND name LIKE 'sync-products-%'");
  const jobs = () => way.rows<Json>("SELECT site, state, reason, due, ended FROM jobs WHERE tenant = 'shops' AND type = 'sync-orders' AND site LIKE 'many-%'");
  const slow = async () => (await jobs()).find(({ site }) => site === "many-3");
  const others = async () => (await jobs()).filter(({ site }) => site !== "many-3");

  await shops.hold("many-3");
  await way.trouble({ longestDelay: 1 });
  await way.tick(minutes(180));
  expect(await jobs()).toHaveLength(200);
  const starts = (await jobs()).map(({ due }) => due);
  expect(Math.max(...starts) - Math.min(...starts)).toBeGreaterThan(minutes(150));
  // The Worker was away for all of that time: now they come at once.
  await way.tick(minutes(180));
  // The local queue gives out one batch at a time: its mates are not held back, and what is behind it follows.
  const mates = async () => (await others()).filter(({ state }) => state === "running").length;
  const alone = async () => (await shops.held("many-3")) === 1 && (await mates()) === 0;
  await until("it is the only one that still runs", alone, 60);
  await way.pass(30_000);
  await shops.release("many-3");
  await until("the others are done", async () => (await others()).every(({ state }) => state === "done"), 60);
  expect(await slow()).toMatchObject({ state: "waiting", reason: expect.stringContaining("answers slowly"), ended: null });

  await way.tick(minutes(2));
  await until("it has had its turn", async () => (await slow())?.state === "done", 40);
  expect(Math.max(...(await others()).map(({ ended }) => ended))).toBeLessThan((await slow())?.ended);
}, 150_000);
