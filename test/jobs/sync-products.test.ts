import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { syncProducts } from "../../src/jobs/sync-products/job";
import { eventsOf } from "../../src/domain/shop/events";
import { listProducts } from "../../src/domain/shop/products/queries";
import { listSuppliers } from "../../src/domain/shop/purchases/suppliers";
import { syncView } from "../../src/domain/shop/site/queries";
import { goneIds } from "../../src/domain/shop/sync/gone";
import { type FakeShop, product, shopWith, stock } from "./fake-shop";
import { createSyncBench } from "./shop-bench";

const minute = 60_000;
const scope = (tenant: string) => ({ db: env.DB, tenant, site: "main" });
const products = async (tenant: string, filter: object = {}) => (await listProducts(scope(tenant), { limit: 200, ...filter })).items;

function catalogue(count: number): FakeShop {
  const shop = shopWith([]);
  for (let id = 1; id <= count; id++) {
    shop.put("products", product(id));
    shop.put("stock_availables", stock(id, id));
  }
  shop.put("combinations", { id: 11, productId: 1, reference: "P1-RED", ean13: "", priceImpact: 1_500_000, wholesalePrice: 0 });
  shop.put("stock_availables", stock(1, 3, 11));
  shop.put("manufacturers", { id: 1, name: "Potters", active: true });
  shop.put("suppliers", { id: 1, name: "Clay Ltd", active: true }, { id: 2, name: "Kiln Inc", active: true });
  return shop.put(
    "product_suppliers",
    { id: 1, productId: 1, productAttributeId: null, supplierId: 1, currencyId: 1, reference: "C-1", price: 6_000_000 },
    { id: 2, productId: 1, productAttributeId: 11, supplierId: 2, currencyId: 1, reference: "K-1", price: 5_000_000 },
  );
}

function world(tenant: string, shop: FakeShop) {
  const yard = createSyncBench(tenant, () => shop);
  type Input = Parameters<typeof yard.run<typeof syncProducts>>[1];
  return { ...yard, run: (payload: Input = {}) => yard.run(syncProducts, { linkVendors: true, ...payload }) };
}

test("a product is found by a part of its name or reference, in any case and language", async () => {
  const shop = catalogue(4);
  shop.put("products", product(2, { name: "Weißer Übertopf" }), product(3, { reference: "ÄÖ-3" }));
  await world("products-search", shop).run();
  const found = async (q: string, filter: object = {}) => (await products("products-search", { q, ...filter })).map(({ id }) => id);
  expect([await found("ÜBERTOPF"), await found("WEISSER"), await found("äö"), await found("p1"), await found("4")]).toEqual([[2], [2], [3], [1], [4]]);
  expect(await found("product", { active: true })).toEqual([1, 3, 4]);
  expect(await found("ÜBERTOPF", { changedAfter: 0 })).toEqual([2]);
});

test("a full run stores products with combinations, quantities, manufacturers and suppliers", async () => {
  const shop = catalogue(10);
  const { run } = world("products-full", shop);
  expect(await run()).toBeDone({ products: 10, deleted: 0, full: true });
  const all = await products("products-full");
  expect(all.map(({ id, quantity }) => [id, quantity])).toEqual(Array.from({ length: 10 }, (_, index) => [index + 1, index + 1]));
  expect(all[0]).toMatchObject({
    reference: "P1",
    price: "12.500000",
    active: true,
    manufacturer: { id: 1, name: "Potters" },
    suppliers: [
      { id: 1, name: "Clay Ltd", default: true, references: [{ reference: "C-1", price: "6.000000", currency: "EUR" }] },
      { id: 2, name: "Kiln Inc", default: false, references: [{ productAttributeId: 11, reference: "K-1" }] },
    ],
    combinations: [{ id: 11, reference: "P1-RED", price: "14.000000", quantity: 3 }],
  });
  expect((await listSuppliers(scope("products-full"), { limit: 10 })).items.map(({ name }) => name)).toEqual(["Clay Ltd", "Kiln Inc"]);
});

test("a full run deletes what the shop no longer lists and puts it in the feed; a row that is listed again is restored", async () => {
  const shop = catalogue(25);
  const { bench, run } = world("products-gone", shop);
  await run();
  const seen = Math.max(...(await products("products-gone")).map(({ changedAt }) => Date.parse(changedAt)));
  for (const id of [1, 12, 25]) shop.tables.products.delete(id);
  bench.advance(minute);
  expect(await run()).toBeDone({ products: 22, deleted: 3 });
  expect((await products("products-gone")).map(({ id }) => id)).not.toContain(12);
  expect((await products("products-gone", { changedAfter: seen })).map(({ id, deleted }) => [id, deleted])).toEqual([
    [1, true],
    [12, true],
    [25, true],
  ]);
  expect(await syncView(scope("products-gone"), bench.now())).toMatchObject({ products: { count: 22, deleted: 3, lag: 60 } });
  shop.put("products", product(12));
  bench.advance(minute);
  expect(await run()).toBeDone({ deleted: 0 });
  expect((await products("products-gone")).find(({ id }) => id === 12)).not.toHaveProperty("deleted");
});

test("a run of changes reads what changed and all quantities, which move no date", async () => {
  const shop = catalogue(12);
  const { bench, run } = world("products-changes", shop);
  expect(await run({ incremental: true })).toBeDone({ full: true });
  bench.advance(30 * minute);
  const before = Math.max(...(await products("products-changes")).map(({ changedAt }) => Date.parse(changedAt)));
  shop.put("products", product(3, { name: "Renamed", dateUpd: bench.now() - 5 * minute }));
  shop.put("stock_availables", stock(7, 70), stock(8, 0));
  shop.calls.length = 0;
  expect(await run({ incremental: true })).toBeDone({ full: false, products: 1, stock: 13 });
  expect(shop.calls.filter((call) => call.startsWith("page products"))).toEqual(["page products 0"]);
  const changed = await products("products-changes", { changedAfter: before });
  expect(changed.map(({ id, name, quantity }) => [id, name, quantity])).toEqual([
    [3, "Renamed", 3],
    [7, "Product 7", 70],
    [8, "Product 8", 0],
  ]);
});

test("a product that runs out is announced once, not while it stays out, and again when it runs out again", async () => {
  const shop = catalogue(4);
  const { bench, run } = world("products-out", shop);
  const out = async () => (await eventsOf(scope("products-out"))).map(({ type, data }) => [type, data["productId"], data["quantity"]]);
  await run();
  for (const quantity of [0, -1, 5, 0]) {
    shop.put("stock_availables", stock(2, quantity));
    bench.advance(20 * minute);
    await run({ incremental: true });
  }
  expect(await out()).toEqual([
    ["product.out_of_stock", 2, 0],
    ["product.out_of_stock", 2, 0],
  ]);
});

test("a combination or supplier that goes, without a date, is gone after a full run and listed in the feed", async () => {
  const shop = catalogue(3);
  const { bench, run } = world("products-parts", shop);
  await run();
  const before = Math.max(...(await products("products-parts")).map(({ changedAt }) => Date.parse(changedAt)));
  shop.tables.combinations.delete(11);
  shop.tables.stock_availables.delete(stock(1, 0, 11).id);
  shop.tables.product_suppliers.delete(2);
  bench.advance(minute);
  await run();
  const [changed, ...others] = await products("products-parts", { changedAfter: before });
  expect(others).toEqual([]);
  expect(changed).toMatchObject({ id: 1, combinations: [], suppliers: [{ id: 1 }] });
  expect(await bench.all("SELECT combination FROM shop_stock WHERE tenant = 'products-parts' AND product = 1")).toEqual([{ combination: 0 }]);
});

test("killed in any phase, it goes on where it was", async () => {
  const shop = catalogue(20);
  const { run } = world("products-killed", shop);
  const killed = new Set<string>();
  shop.before = (call) => {
    if (killed.has(call)) return;
    killed.add(call);
    if (/8|find stock/.test(call)) throw new Error("the Worker was killed");
  };
  expect(await run()).toBeDone({ products: 20 });
  expect(await products("products-killed")).toHaveLength(20);
});

test("a product stored after the list of ids was read is not taken for deleted", async () => {
  const shop = catalogue(3);
  const { bench, run } = world("products-race", shop);
  await run();
  bench.advance(minute);
  const scope = { db: env.DB, tenant: "products-race", site: "main" };
  expect(await goneIds(scope, "products", [1, 2], { after: 0, until: null }, bench.now())).toEqual([3]);
  expect(await goneIds(scope, "products", [1, 2], { after: 0, until: null }, bench.now() - 60 * minute)).toEqual([]);
});
