import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { demoKey } from "../../scripts/sandbox/shop/settings.ts";
import { play, type Answer, type Playing } from "./sandbox.ts";

let sandbox: Playing;
const now = Date.parse("2026-11-20T12:00:00Z");

beforeAll(async () => {
  sandbox = await play({ now: () => now });
});
beforeEach(() => sandbox.ask("POST", "/__reset"));
afterAll(() => sandbox.close());

const basic = (key: string) => ({ authorization: `Basic ${btoa(`${key}:`)}` });
const known = basic(demoKey);
const both = ["1.7.8", "8.2"] as const;

async function make(settings: Record<string, unknown> = {}): Promise<void> {
  const answer = await sandbox.ask("POST", "/shop/__shops", { name: "one", orders: 30, products: 9, ...settings });
  expect(answer.text).toContain('"name":"one"');
}

/** With JSON asked for in the address; parameters as PHP reads them. */
function get(path: string, parameters: Record<string, string> = {}, headers: Record<string, string> = known): Promise<Answer> {
  return sandbox.ask("GET", `/shop/one/api${path}?${new URLSearchParams({ output_format: "JSON", ...parameters })}`, undefined, headers);
}

describe("who may read", () => {
  beforeEach(() => make());

  it("without any key it is plain text", async () => {
    const answer = await get("/orders", {}, {});
    expect([answer.status, answer.text]).toEqual([401, "401 Unauthorized"]);
    expect(answer.headers.get("www-authenticate")).toContain("PrestaShop");
    expect(answer.headers.get("psws-version")).toBeNull();
  });

  it.each([
    ["", [17]],
    ["short", [18]],
    ["X".repeat(32), [20, 21]],
  ])("the key %j is refused with %j", async (key, codes) => {
    const answer = await get("/orders", {}, basic(key));
    expect(answer.status).toBe(401);
    expect(answer.json()).toEqual({ errors: codes.map((code) => ({ code, message: expect.any(String) })) });
  });

  it("the key may be in the address, and the header wins", async () => {
    expect((await get("/orders", { ws_key: demoKey }, {})).status).toBe(200);
    expect((await get("/orders", { ws_key: demoKey }, basic("short"))).status).toBe(401);
    await sandbox.ask("PATCH", "/shop/__shops/one", { dropsAuthorization: true });
    expect((await get("/orders")).text).toBe("401 Unauthorized");
    expect((await get("/orders", { ws_key: demoKey })).status).toBe(200);
  });

  it("permissions are per resource and method", async () => {
    await sandbox.ask("PATCH", "/shop/__shops/one", { permissions: { orders: ["GET", "HEAD"], products: ["PUT"] } });
    expect((await get("/orders")).status).toBe(200);
    expect((await get("/customers")).json()).toMatchObject({ errors: [{ code: 26 }] });
    expect((await get("/products")).json()).toMatchObject({ errors: [{ code: 25 }] });
    expect((await get("/products")).status).toBe(405);
  });

  it("a webservice that is switched off says so with 503", async () => {
    await sandbox.ask("PATCH", "/shop/__shops/one", { enabled: false });
    const answer = await get("/orders");
    expect([answer.status, answer.json()]).toMatchObject([503, { errors: [{ code: 22 }] }]);
  });
});

describe("what is refused", () => {
  beforeEach(() => make());

  it.each([
    ["/ordres", {}, 27],
    ["/orders", { "filter[nothing]": "[1]" }, 32],
    ["/orders", { "filter[id]": "" }, 33],
    ["/orders", { "filter[shipping_number]": "[1]" }, 34],
    ["/orders", { display: "[id,nothing]" }, 35],
    ["/orders", { display: "id" }, 36],
    ["/orders", { sort: "id" }, 37],
    ["/orders", { sort: "[nothing_ASC]" }, 38],
    ["/orders", { limit: "1,2,3" }, 39],
    ["/orders", { language: "7" }, 81],
    ["/orders", { "filter[date_upd]": ">[2026-01-01 00:00:00]" }, 32],
    ["/orders", { sort: "[date_upd_ASC]" }, 38],
  ])("%s %j is 400 with code %i", async (path, parameters, code) => {
    const answer = await get(path, parameters as unknown as Record<string, string>);
    expect([answer.status, answer.json()]).toMatchObject([400, { errors: [{ code }] }]);
  });

  it("errors come as XML to those who ask for that, or for nothing exact", async () => {
    for (const format of ["XML", "json", ""]) {
      const answer = await sandbox.ask("GET", `/shop/one/api/ordres?output_format=${format}`, undefined, known);
      expect(answer.text).toContain("<errors><error><code><![CDATA[27]]></code>");
    }
  });

  it("an ISO date in an interval is no error: nothing fits it", async () => {
    const parameters = { date: "1", "filter[date_upd]": "[2000-01-01T00:00:00Z,2030-01-01T00:00:00Z]" };
    const answer = await get("/orders", parameters);
    expect([answer.status, answer.text]).toEqual([200, "[]"]);
    expect((await get("/orders", { ...parameters, "filter[date_upd]": "[2000-01-01 00:00:00,2030-01-01 00:00:00]" })).text).not.toBe("[]");
  });

  it("a missing row is 404 with nothing in it, and an unknown shop a page", async () => {
    const answer = await get("/orders/99999");
    expect([answer.status, answer.text]).toEqual([404, ""]);
    expect((await sandbox.ask("GET", "/shop/none/api/orders", undefined, known)).text).toContain("<html");
  });
});

describe.each(both)("%s renders", (version) => {
  beforeEach(() => make({ version }));

  it("a list of ids, and none at all", async () => {
    expect((await get("/orders", { limit: "2" })).json()).toEqual({ orders: [{ id: 1 }, { id: 2 }] });
    expect((await get("/orders", { "filter[id]": ">[30]" })).text).toBe("[]");
  });

  it("a single row", async () => {
    const single = (await get("/orders/12")).json()["order"] as Record<string, unknown>;
    expect("gift_message" in single).toBe(version === "1.7.8");
    expect(single["id"]).toBe(12);
    const [full] = (await get("/orders/12", { display: "full" })).json()["orders"] as Record<string, unknown>[];
    expect(full).toMatchObject({ gift_message: "", gift: "0", delivery_date: "0000-00-00 00:00:00", ref_id: "module" });
  });

  it("a list in which a row fails to load", async () => {
    await sandbox.ask("PATCH", "/shop/__shops/one", { broken: { orders: [2] } });
    const { orders } = (await get("/orders", { display: "[id]", limit: "3" })).json();
    expect(orders).toEqual(version === "1.7.8" ? [{ id: 1 }, [], { id: 3 }] : { 0: { id: 1 }, 2: { id: 3 } });
    const last = (await get("/orders", { display: "[id]", limit: "2" })).json()["orders"];
    expect(last).toEqual(version === "1.7.8" ? [{ id: 1 }, []] : [{ id: 1 }]);
  });

  it("the webservice itself", async () => {
    expect((await sandbox.ask("HEAD", "/shop/one/api/", undefined, known)).status).toBe(200);
    const answer = await get("/");
    if (version === "8.2") expect([answer.status, answer.text]).toEqual([500, ""]);
    else expect(answer.json()).toContain("orders");
  });

  it("names in several languages", async () => {
    expect((await get("/products", { display: "[name]", limit: "1" })).json()).toEqual({ products: [{ name: expect.any(String) }] });
    await sandbox.ask("PATCH", "/shop/__shops/one", { languages: 2 });
    const id = version === "8.2" ? 2 : "2";
    const { products } = (await get("/products", { display: "[name]", limit: "1" })).json() as { products: { name: unknown[] }[] };
    expect(products[0]?.name).toEqual([expect.anything(), { id, value: expect.stringContaining("(2)") }]);
    expect((await get("/products", { display: "[name]", limit: "1", language: "2" })).json()).toEqual({ products: [{ name: expect.any(String) }] });
  });

  it("numbers as PHP 8.1 does", async () => {
    const first = async () => ((await get("/orders", { display: "full", limit: "1" })).json()["orders"] as Record<string, unknown>[])[0];
    expect(await first()).toMatchObject({ id: 1, id_shop: "1", valid: expect.stringMatching(/^[01]$/), total_shipping: "6.000000" });
    await sandbox.ask("PATCH", "/shop/__shops/one", { php81: true });
    expect(await first()).toMatchObject({ id: 1, id_shop: 1, valid: expect.stringMatching(/^[01]$/), total_shipping: "6.000000" });
  });

  it("its headers", async () => {
    const answer = await get("/orders");
    expect(answer.headers.get("psws-version")).toMatch(version === "8.2" ? /^8\.2/ : /^1\.7\.8/);
    expect(Number(answer.headers.get("execution-time"))).toBeGreaterThan(0);
    const again = await get("/orders", {}, { ...known, "local-content-sha1": answer.headers.get("content-sha1") ?? "" });
    expect(again.status).toBe(304);
  });
});

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
