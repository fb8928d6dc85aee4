import { beforeEach, describe, expect, it } from "vitest";
import { demoKey } from "../../scripts/sandbox/shop/settings.ts";
import { basic, get, known, make, sandbox, useShop } from "./sandbox-shop-calls.ts";

useShop();

const both = ["1.7.8", "8.2"] as const;

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
