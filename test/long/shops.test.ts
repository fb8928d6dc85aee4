import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { seeded } from "../../scripts/sandbox/faults.ts";
import { seed } from "../support/seed.ts";
import { startWay, type Way } from "../way/support/harness.ts";
import { type Json, minutes, Shops } from "../way/support/shops.ts";
import { until, untilJob } from "../way/support/until.ts";

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
  const random = seeded(seed);
  await shops.connect("killed", { orders: 1000 });
  const id = await shops.tenant.enqueue("sync-orders", { siteId: "killed" });
  for (let kill = 1; kill <= 10; kill++) {
    // It dies in the middle of whichever call that is: a page, its customers, its payments, a list of states. A page takes six or so.
    await shops.hold("killed", 1 + Math.floor(random() * 7));
    await until(`kill ${kill} of seed ${seed} meets a call`, async () => (await shops.held("killed")) === 1);
    await way.api.ask("POST", "/__test/abort").catch(() => undefined);
    await shops.release("killed");
    await until("the Worker is back", async () => (await way.api.get("/healthz").catch(() => undefined))?.status === 200);
    // A message that is lost time and again is looked for ever more rarely.
    const [{ due }] = (await way.rows<{ due: number }>("SELECT max(until, coalesce(wake, 0)) AS due FROM jobs WHERE id = ?", id)) as [{ due: number }];
    await way.tickTo(Math.max(due, way.now() + minutes(15)) + 1000);
  }
  expect(await untilJob(shops.tenant, id, "done")).toMatchObject({ result: { orders: 1000 } });
  expect(await shops.ordersDiffer("killed")).toEqual([]);
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
  // The local queue gives out one batch at a time: its other jobs are not held back, and later messages follow.
  const runningBeside = async () => (await others()).filter(({ state }) => state === "running").length;
  const alone = async () => (await shops.held("many-3")) === 1 && (await runningBeside()) === 0;
  await until("it is the only one that still runs", alone);
  await way.pass(30_000);
  await shops.release("many-3");
  await until("the others are done", async () => (await others()).every(({ state }) => state === "done"));
  expect(await slow()).toMatchObject({ state: "waiting", reason: expect.stringContaining("answers slowly"), ended: null });

  await way.tick(minutes(2));
  await until("it has had its turn", async () => (await slow())?.state === "done");
  expect(Math.max(...(await others()).map(({ ended }) => ended))).toBeLessThan((await slow())?.ended);
});
