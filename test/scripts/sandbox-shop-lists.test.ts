import { beforeEach, describe, expect, it } from "vitest";
import { get, known, make, sandbox, useShop } from "./sandbox-shop-calls.ts";

useShop();

describe("lists", () => {
  beforeEach(() => make({ timeZone: "America/Caracas" }));
  const ids = async (parameters: Record<string, string>, resource = "orders") => {
    const answer = (await get(`/${resource}`, parameters)).json() as Record<string, { id: number }[]>;
    return (answer[resource] ?? []).map(({ id }) => id);
  };

  it.each([
    [{ "filter[id]": "[3]" }, [3]],
    [{ "filter[id]": "3" }, [3]],
    [{ "filter[id]": "[3|1|99]" }, [1, 3]],
    [{ "filter[id]": "[2,4]" }, [2, 3, 4]],
    [{ "filter[id]": "[4,2]" }, [2, 3, 4]],
    [{ "filter[id]": ">[28]" }, [29, 30]],
    [{ "filter[id]": "<[3]" }, [1, 2]],
    [{ "filter[id]": "![1|2|3]", limit: "1" }, [4]],
    [{ "filter[id]": ">[5]", "filter[id_shop]": "[1]", limit: "2" }, [6, 7]],
    [{ limit: "5,2" }, [6, 7]],
    [{ limit: "0" }, []],
    [{ sort: "[id_DESC]", limit: "2" }, [30, 29]],
    [{ sort: "[date_add_DESC]", date: "1", limit: "1" }, [30]],
  ])("%j", async (parameters, expected) => expect(await ids(parameters as unknown as Record<string, string>)).toEqual(expected));

  it("texts are found by their parts, whatever their case", async () => {
    expect(await ids({ "filter[reference]": "%[-9]%" }, "products")).toEqual([9]);
    expect(await ids({ "filter[reference]": "[p-]%", limit: "1" }, "products")).toEqual([1]);
    expect(await ids({ "filter[reference]": "%[-8]" }, "products")).toEqual([8]);
  });

  it("dates are those of the shop's zone", async () => {
    const last = (await sandbox.ask("GET", "/shop/__shops/one/rows/orders?after=29")).json()["rows"] as Record<string, unknown>[];
    expect(last[0]?.["date_add"]).toBe("2026-11-20T12:00:00.000Z");
    const shown = (await get("/orders", { "filter[id]": "[30]", display: "[date_add]" })).json()["orders"];
    expect(shown).toEqual([{ date_add: "2026-11-20 08:00:00" }]);
    expect(await ids({ date: "1", "filter[date_add]": "[2026-11-20 08:00:00,2026-11-20 08:00:00]" })).toEqual([30]);
  });

  it("associations may be asked for in part, and are left out when there are none", async () => {
    await make({ products: 0 });
    const [bare] = (await get("/orders", { display: "full", limit: "1" })).json()["orders"] as Record<string, unknown>[];
    expect(bare).not.toHaveProperty("associations");
    await make();
    const [part] = (await get("/orders", { display: "[id,order_rows[id,product_id]]", limit: "1" })).json()["orders"] as {
      associations: { order_rows: object[] };
    }[];
    expect(part?.associations.order_rows[0]).toEqual({ id: "10", product_id: expect.any(String) });
  });
});

describe("its rows", () => {
  const truth = async (resource: string) => (await sandbox.ask("GET", `/shop/__shops/one/rows/${resource}`)).json()["rows"] as Record<string, unknown>[];

  it("are the same for the same seed, and others for another", async () => {
    await make({ seed: 5 });
    const first = await truth("orders");
    await make({ seed: 5 });
    expect(await truth("orders")).toEqual(first);
    await make({ seed: 6 });
    expect(await truth("orders")).not.toEqual(first);
  });

  it("agree with each other to the cent", async () => {
    await make({ orders: 200, products: 50 });
    for (const order of await truth("orders")) {
      const rows = (order["order_rows"] ?? []) as { product_quantity: number; unit_price_tax_excl: string }[];
      const sum = rows.reduce((total, row) => total + row.product_quantity * Math.round(Number(row.unit_price_tax_excl) * 1e6), 0);
      expect(Math.round(Number(order["total_products"]) * 1e6)).toBe(sum);
    }
  });

  it("are changed, added and deleted, also in the middle of a reading", async () => {
    await make();
    const change = (body: object) => sandbox.ask("POST", "/shop/__shops/one/changes", { resource: "orders", ...body });
    expect((await change({ change: [{ id: 3, total_paid: "12.34" }], add: [{}], delete: [5] })).json()).toEqual({ changed: [3], added: [31], deleted: [5] });
    const rows = await truth("orders");
    expect(rows.find(({ id }) => id === 3)).toMatchObject({ total_paid: "12.340000", date_upd: "2026-11-20T12:00:00.000Z" });
    expect(rows.map(({ id }) => id)).toEqual([...Array.from({ length: 31 }, (_, at) => at + 1)].filter((id) => id !== 5));
    expect((await change({ share: 0.1 })).json()["changed"]).toHaveLength(3);
    await change({ delete: [1], afterRequests: 2 });
    expect((await get("/orders", { limit: "1" })).json()).toEqual({ orders: [{ id: 1 }] });
    expect((await get("/orders", { limit: "1" })).json()).toEqual({ orders: [{ id: 2 }] });
  });

  it("a quiet change leaves the date", async () => {
    await make();
    const before = (await truth("stock_availables"))[0];
    await sandbox.ask("POST", "/shop/__shops/one/changes", { resource: "orders", change: [{ id: 1, payment: "x" }], quiet: true });
    expect((await truth("orders"))[0]?.["date_upd"]).not.toBe("2026-11-20T12:00:00.000Z");
    expect(before).not.toHaveProperty("date_upd");
  });

  it("requests are counted by resource", async () => {
    await make();
    await get("/orders");
    await get("/orders");
    await get("/customers");
    expect((await sandbox.ask("GET", "/shop/__shops/one")).json()).toMatchObject({ requests: { total: 3, orders: 2, customers: 1 }, concurrency: { most: 1 } });
  });

  it("answers are measured, and calls wait while a test holds them", async () => {
    await make();
    const summary = async () => (await sandbox.ask("GET", "/shop/__shops/one")).json();
    const { text } = await get("/orders", { limit: "7", display: "full" });
    expect(await summary()).toMatchObject({ largest: { orders: { rows: 7, bytes: Buffer.byteLength(text) } }, held: 0 });
    await sandbox.ask("POST", "/shop/__shops/one/hold", { afterRequests: 2 });
    await get("/orders");
    const held = Promise.all([get("/orders"), get("/orders")]);
    await expect.poll(async () => (await summary())["held"]).toBe(2);
    expect(await summary()).toMatchObject({ requests: { total: 2 } });
    expect((await sandbox.ask("DELETE", "/shop/__shops/one/hold")).status).toBe(204);
    expect((await held).map(({ status }) => status)).toEqual([200, 200]);
    expect(await summary()).toMatchObject({ requests: { total: 4 }, held: 0 });
    expect((await sandbox.ask("POST", "/shop/__shops/one/hold", { afterRequests: 0 })).status).toBe(422);
  });

  it("wrong settings and changes are refused with what would be right", async () => {
    expect((await sandbox.ask("POST", "/shop/__shops", { name: "A", version: "6" })).json()["issues"]).toHaveLength(2);
    await make();
    expect((await sandbox.ask("PATCH", "/shop/__shops/one", { seed: 2 })).status).toBe(422);
    expect((await sandbox.ask("POST", "/shop/__shops/one/changes", { resource: "orders", change: [{ id: 1, nothing: 1 }] })).status).toBe(422);
    expect((await sandbox.ask("POST", "/shop/__shops/one/changes", { resource: "nothing" })).status).toBe(422);
  });

  it("the demo shop is always there", async () => {
    expect((await sandbox.ask("GET", "/shop/demo/api/orders?limit=1&output_format=JSON", undefined, known)).json()).toEqual({ orders: [{ id: 1 }] });
  });
});
