import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startWay, type Way } from "../way/support/harness.ts";
import { minutes, Shops } from "../way/support/shops.ts";
import { until } from "../way/support/until.ts";

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

test("a shop that is down is parked, its jobs count no attempt, and it is read once it is back", async () => {
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
  await until("its sync is parked at the open circuit", async () => {
    // Each look of its own at the shop opens the circuit for longer, until it is not worth a message any more.
    if (await isAtRest()) await way.passWhenIdle(30_000);
    const { state, gate, attempt } = await shops.tenant.job(orders!);
    return (state === "waiting" && gate === "shop:down") || { state, gate, attempt };
  });
  const { attempt } = await shops.tenant.job(orders!);
  await way.sandbox.ask("DELETE", `/__faults/${fault}`);
  await until("all are read", async () => {
    if (await isAtRest()) {
      await way.passWhenIdle(minutes(5));
      await way.tick();
    }
    const now = await states();
    return now.every((state) => state === "done") || now;
  });
  expect((await shops.tenant.job(orders!)).attempt).toBeLessThanOrEqual(attempt);
  expect(hints).toHaveLength(5);
  expect(await shops.ordersDiffer("down")).toEqual([]);
});

// The last story: it takes the clock to a year from now.
test("across the hour that a clock change repeats, and the one it leaves out, no order is missed", async () => {
  const zones = { madrid: "Europe/Madrid", caracas: "America/Caracas", kolkata: "Asia/Kolkata" };
  const sites = Object.keys(zones);
  const each = (act: (site: string) => Promise<unknown>) => Promise.all(sites.map(act));
  for (const change of [Date.UTC(2027, 2, 28, 1), Date.UTC(2027, 9, 31, 1)]) {
    await way.tickTo(change - minutes(100));
    await each((site) => shops.connect(site, { timeZone: zones[site as keyof typeof zones], orders: 20, spanDays: 1 }));
    for (let step = 0; step < 9; step++) {
      await way.pass(minutes(27));
      // One comes, one changes; each sync reads up to a minute ago, so some are seen by the next one only.
      await each((site) => shops.change(site, "orders", { add: [{}], change: [{ id: 1 + step, current_state: 5 }] }));
      if (step % 2) await way.pass(minutes(2));
      await each((site) => shops.sync("sync-orders", site));
    }
    await way.pass(minutes(2));
    await each((site) => shops.sync("sync-orders", site));
    // Local time does not distinguish the two hours: within them a date may be an hour off, elsewhere it may not.
    const mayBeOff = (date: string) => Math.abs(Date.parse(date) - change) <= minutes(60);
    expect(await shops.ordersDiffer("madrid", { mayBeOff })).toEqual([]);
    expect(await shops.ordersDiffer("caracas")).toEqual([]);
    expect(await shops.ordersDiffer("kolkata")).toEqual([]);
  }
});
