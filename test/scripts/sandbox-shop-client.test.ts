import { beforeEach, describe, expect, it } from "vitest";
// What the capability adds itself to: TypeScript does not look for it by itself.
import type {} from "../../src/queue/job.ts";
import type { Shop } from "../../src/providers/shop/shop.ts";
import { useShops } from "./shop-client.ts";

/** The client against the sandbox's shops: what it reads is what is in them. */
const { signal } = new AbortController();
const shops = useShops();
const { open, all, truth } = shops;

const micros = (text: unknown) => Math.round(Number(text) * 1_000_000);
const instant = (text: unknown) => (text === null ? null : Date.parse(String(text)));
const link = (id: unknown) => (id === 0 ? null : id);

describe.each(["1.7.8", "8.2"])("a shop of %s", (version) => {
  it.each([
    ["as it is", {}],
    ["with PHP 8.1 and three languages", { php81: true, languages: 3 }],
    ["that answers XML whatever is asked", { format: "xml" }],
    ["whose JSON cannot be parsed", { format: "broken-json" }],
    ["with a module that echoes", { echo: "\uFEFFNotice: Undefined index: [x] in {module}.php\n" }],
    ["with a module that prints behind it", { trail: "\n<script>var m={a:1};</script>" }],
    ["with a decimal comma", { decimalComma: true }],
    ["in America/Caracas", { timeZone: "America/Caracas" }],
    ["in Asia/Kolkata", { timeZone: "Asia/Kolkata" }],
  ])("is read row by row, %s", async (_what, settings) => {
    await shops.make({ version, ...settings });
    const orders = await all(open(), "orders");
    const expected = (await truth("orders")).map((row) => ({
      id: row["id"],
      reference: row["reference"],
      customerId: row["id_customer"],
      currencyId: row["id_currency"],
      stateId: row["current_state"],
      valid: row["valid"],
      totalPaid: micros(row["total_paid"]),
      totalPaidReal: micros(row["total_paid_real"]),
      totalProducts: micros(row["total_products"]),
      invoiceDate: instant(row["invoice_date"]),
      deliveryDate: null,
      dateAdd: instant(row["date_add"]),
      dateUpd: instant(row["date_upd"]),
      lines: (row["order_rows"] as Record<string, unknown>[]).map((line) => ({
        id: line["id"],
        productId: line["product_id"],
        productAttributeId: link(line["product_attribute_id"]),
        quantity: line["product_quantity"],
        name: line["product_name"],
        reference: line["product_reference"],
        unitPriceTaxExcl: micros(line["unit_price_tax_excl"]),
      })),
    }));
    expect(orders).toHaveLength(expected.length);
    const unclear = orders.filter(({ dateUpdAmbiguous }) => dateUpdAmbiguous).map(({ id }) => id);
    for (const [at, order] of orders.entries()) if (!unclear.includes(order.id)) expect(order).toMatchObject(expected[at] ?? {});
    expect(unclear.length).toBeLessThan(5);
  });

  it("every resource can be read as it is asked for", async () => {
    await shops.make({ version, php81: true });
    const shop = open();
    const resources = ["order_states", "order_payments", "order_carriers", "carriers", "customers", "addresses", "countries", "currencies"] as const;
    const more = ["products", "combinations", "stock_availables", "manufacturers", "suppliers", "product_suppliers"] as const;
    for (const resource of [...resources, ...more]) expect([resource, (await all(shop, resource)).length]).toEqual([resource, (await truth(resource)).length]);
    expect(JSON.stringify(await all(shop, "customers"))).not.toContain("SECRET");
    expect(JSON.stringify(await all(shop, "orders"))).not.toContain("SECRET");
  });

  it("stock, prices and suppliers are those of the shop", async () => {
    await shops.make({ version });
    const shop = open();
    const [stock, products, linked] = [await all(shop, "stock_availables"), await all(shop, "products"), await all(shop, "product_suppliers")];
    expect(stock).toMatchObject(
      (await truth("stock_availables")).map(({ quantity, id_product_attribute: attribute }) => ({ quantity, productAttributeId: link(attribute) })),
    );
    expect(products).toMatchObject((await truth("products")).map(({ name, price, active }) => ({ name, price: micros(price), active })));
    expect(linked).toMatchObject(
      (await truth("product_suppliers")).map((row) => ({ supplierId: row["id_supplier"], price: micros(row["product_supplier_price_te"]) })),
    );
  });

  it("values that cannot be read are null, and those in parts or of any size are read", async () => {
    const orders = { "2.total_paid": "about 5", "2.order_rows.0.product_quantity": "0.300000", "3.total_paid": "12500000000.000000" };
    await shops.make({ version, raw: { orders } });
    const reply = await open().page("orders", { afterId: 1, signal });
    expect(reply).toMatchObject({ value: { unreadable: [{ id: 2, reason: "totalPaid is no amount" }], missing: [] } });
    expect(reply.ok && reply.value.rows.slice(0, 2)).toMatchObject([
      { id: 2, totalPaid: null, lines: expect.arrayContaining([expect.objectContaining({ quantity: 0.3 })]) },
      { id: 3, totalPaid: "12500000000000000" },
    ]);
  });

  it("rows that fail to load are reported, page by page", async () => {
    const broken = [1, 2, 60, 100, 229, 230];
    await shops.make({ version, broken: { orders: broken } });
    const shop = open();
    const missing: number[] = [];
    for (let [afterId, more] = [0, true]; more;) {
      const page = await shop.page("orders", { afterId, signal });
      if (!page.ok) throw new Error(page.failure.reason);
      missing.push(...page.value.missing);
      ({ lastId: afterId, more } = page.value);
    }
    expect(missing).toEqual(broken);
    const found = await shop.find("orders", { field: "id", values: [59, 60, 61, 230, 9999] }, signal);
    expect(found).toMatchObject({ value: { rows: [{ id: 59 }, { id: 61 }], missing: [60, 230] } });
  });

  it("rows that fail to load are passed over, and no others", async () => {
    await shops.make({ version, broken: { orders: [1, 2, 60, 100, 229, 230] } });
    const ids = (await all(open(), "orders")).map(({ id }) => id);
    expect(ids).toEqual((await truth("orders")).map(({ id }) => id).filter((id) => ![1, 2, 60, 100, 229, 230].includes(Number(id))));
    const listed = await open().ids("orders", { afterId: 200, signal });
    expect(listed).toMatchObject({ value: { ids: expect.arrayContaining([229, 230]) } });
  });

  it("a window holds what was changed in it, and a row that changes meanwhile is in the next", async () => {
    await shops.make({ version, timeZone: "Asia/Kolkata" });
    const window = { from: shops.now - 5 * 86_400_000, to: shops.now - 60_000 };
    const within = (row: Record<string, unknown>) => Number(instant(row["date_upd"])) >= window.from && Number(instant(row["date_upd"])) <= window.to;
    const expected = (await truth("orders")).filter(within).map(({ id }) => Number(id));
    expect(expected.length).toBeGreaterThan(5);
    const moving = Number(expected.at(-1));
    shops.now += 600_000;
    await shops.sandbox().ask("POST", "/shop/__shops/one/changes", { resource: "orders", change: [{ id: moving, payment: "x" }], afterRequests: 1 });
    expect((await all(open(), "orders", window)).map(({ id }) => id)).toEqual(expected.slice(0, -1));
    expect((await all(open(), "orders", { from: window.to, to: shops.now })).map(({ id }) => id)).toContain(moving);
  });
});

describe("across clock changes", () => {
  it.each([
    ["Europe/Prague", "2026-10-25T03:00:00Z"],
    ["Europe/Prague", "2026-03-29T03:00:00Z"],
    ["America/Caracas", "2016-05-01T09:00:00Z"],
    ["America/Caracas", "2007-12-09T09:00:00Z"],
    ["America/New_York", "2026-11-01T08:00:00Z"],
  ])("in %s until %s, windows of ten minutes lose nothing", async (timeZone, end) => {
    const until = Date.parse(end);
    await shops.make({ timeZone, until, spanDays: 0.25, orders: 360 });
    const shop = open();
    const seen = new Set<number>();
    for (let from = until - 6 * 3_600_000; from <= until; from += 600_000) {
      for (const { id } of await all(shop, "orders", { from, to: from + 600_000 })) seen.add(id);
    }
    expect(seen.size).toBe(360);
  });

  it("each window holds all that was changed in it, also in the hour that comes twice", async () => {
    const until = Date.parse("2026-10-25T02:00:00Z");
    await shops.make({ timeZone: "Europe/Prague", until, spanDays: 0.125, orders: 180 });
    const window = { from: Date.parse("2026-10-25T00:50:00Z"), to: Date.parse("2026-10-25T01:20:00Z") };
    const read = new Set((await all(open(), "orders", window)).map(({ id }) => id));
    const due = (await truth("orders")).filter((row) => Number(instant(row["date_upd"])) >= window.from && Number(instant(row["date_upd"])) <= window.to);
    expect(due.length).toBeGreaterThan(0);
    for (const { id } of due) expect(read).toContain(id);
  });
});

describe("a shop that cannot be read", () => {
  const failure = async (shop: Shop = open()) => {
    const reply = await shop.page("orders", { afterId: 0, signal });
    return reply.ok ? reply : reply.failure;
  };
  beforeEach(() => shops.make());

  it("gives reasons to act on", async () => {
    expect(await failure(open({ key: "X".repeat(32) }))).toMatchObject({ class: "config", code: "20" });
    expect(await failure(open({ key: "short" }))).toMatchObject({ class: "config", code: "18" });
    expect(await failure(open({ url: `${shops.sandbox().url}/shop/none` }))).toMatchObject({ class: "config", code: "not-prestashop" });
    await shops.set({ permissions: { configurations: ["GET"], products: ["GET"] } });
    expect(await failure()).toMatchObject({ class: "config", code: "26", reason: expect.stringContaining("key lacks GET on orders") });
    expect(await open().permissions(["orders", "products"], signal)).toEqual({ ok: true, value: { missing: ["orders"] } });
    await shops.set({ permissions: { orders: ["GET"] } });
    expect(await failure()).toMatchObject({ code: "26", reason: expect.stringContaining("key lacks GET on configurations") });
    await shops.set({ permissions: "all", enabled: false });
    expect(await failure()).toMatchObject({ class: "config", code: "22" });
    await shops.set({ enabled: true, timeZone: "Mars/Olympus" });
    expect(await failure()).toMatchObject({ class: "config", code: "time-zone" });
  });

  it("may take the key in its address only", async () => {
    await shops.set({ dropsAuthorization: true });
    expect(await failure()).toMatchObject({ class: "config", code: "no-key" });
    expect(await failure(open({ keyIn: "address" }))).toMatchObject({ ok: true });
    expect((await shops.sandbox().calls("?path=/one/api/orders")).at(-1)?.query["ws_key"]).toBe("[redacted]");
  });

  it("is tested without reading orders", async () => {
    expect(await open().test(signal)).toEqual({ ok: true, value: { version: "8.2.0", timezone: "Europe/Berlin", languageId: 1, currencyId: 1 } });
    expect(
      (await shops.sandbox().calls())
        .filter(({ provider }) => provider === "shop")
        .slice(-2)
        .map(({ method, path }) => `${method} ${path}`),
    ).toEqual(["HEAD /one/api/", "GET /one/api/configurations"]);
  });

  it.each([
    [{ status: 503 }, "transient", "503"],
    [{ status: 429, headers: { "retry-after": "7" } }, "limited", "429"],
    [{ status: 403 }, "config", "blocked"],
    [{ status: 200, body: "<!doctype html><html></html>", headers: { "content-type": "text/html" } }, "transient", "html"],
    [{ malformed: true }, "transient", "unreadable"],
    [{ reset: true }, "transient", "no-answer"],
    [{ cutBody: true }, "transient", "no-answer"],
  ])("the fault %j is %s (%s)", async (fault, kind, code) => {
    await shops.sandbox().fault({ path: "/one/api/orders", ...fault });
    expect(await failure()).toMatchObject({ class: kind, code });
  });

  it("no fault is ever taken for the end of the list", async () => {
    const shop = open();
    for (const fault of [{ status: 500 }, { status: 404 }, { malformed: true }, { cutBody: true }, { body: "" }, { body: "<html></html>" }]) {
      const id = await shops.sandbox().fault({ path: "/one/api/orders", ...fault });
      expect(await shop.page("orders", { afterId: 0, signal })).toMatchObject({ ok: false });
      await shops.sandbox().ask("DELETE", `/__faults/${id}`);
    }
  });
});
