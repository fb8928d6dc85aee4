import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startWay, type Way } from "./support/harness.ts";
import { minutes, Shops } from "./support/shops.ts";

let way: Way;
let shops: Shops;

beforeAll(async () => {
  way = await startWay();
  shops = new Shops(way, await way.tenant("shops"));
});
afterAll(() => way?.close());

describe.each([
  ["1.7.8", "America/Caracas"],
  ["8.2", "Asia/Kolkata"],
])("a shop of PrestaShop %s in %s", (version, timeZone) => {
  const site = `shop-${version.replaceAll(".", "-")}`;

  test("is read to the last row, and again for next to nothing", async () => {
    await shops.connect(site, { version, timeZone, orders: 1000, products: 300, languages: 2 });
    const job = await shops.sync("sync-orders", site);
    expect(job.result).toMatchObject({ orders: 1000, changed: 1000, unreadable: [] });
    expect(job.progress).toMatchObject({ done: 1000, total: 1000 });
    expect(await shops.ordersDiffer(site)).toEqual([]);

    const before = await shops.requests(site);
    expect((await shops.sync("sync-orders", site)).result).toMatchObject({ changed: 0 });
    expect((await shops.requests(site)) - before).toBeLessThanOrEqual(5);

    await shops.change(site, "orders", { share: 0.01 });
    await way.tick(minutes(2));
    const unchanged = await shops.requests(site);
    expect((await shops.sync("sync-orders", site)).result).toMatchObject({ changed: 10 });
    expect((await shops.requests(site)) - unchanged).toBeLessThanOrEqual(15);
    expect(await shops.ordersDiffer(site)).toEqual([]);
    expect(await shops.state(site)).toMatchObject({ paused: null, timeZone, orders: { count: 1000, lastSuccess: expect.any(String) } });
  });

  test("has its products with combinations, quantities, prices and suppliers", async () => {
    await shops.sync("sync-products", site, { linkVendors: true });
    expect(await shops.productsDiffer(site)).toEqual([]);
    expect((await shops.tenant.get(`/v1/sites/${site}/suppliers`)).body.suppliers).toHaveLength(4);
  });

  test("was asked for one page at a time, none of them large", async () => {
    const { concurrency, largest } = await shops.control("GET", `/${site}`);
    expect(concurrency).toEqual({ now: 0, most: 1 });
    expect(largest.rows).toBeLessThanOrEqual(400);
    expect(largest.bytes).toBeLessThan(500_000);
  });
});
