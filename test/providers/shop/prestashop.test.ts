import { afterEach, describe, expect, test, vi } from "vitest";
import { neverAnswers } from "../fetch-stub";
import type { Answer, SeenCall } from "../fetch-stub";
import { errors, html, json, key, none, open, pageLimits, queryOf, signal } from "./answering";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("what it asks", () => {
  test("a page: a closed window in the shop's time, behind an id, by id", async () => {
    const { shop, seen } = open([json([])]);
    const window = { from: Date.parse("2026-06-01T00:00:00Z"), to: Date.parse("2026-06-02T00:00:00Z") };
    await shop.page("orders", { window, afterId: 41, signal });
    expect(seen[0]?.url.split("?")[0]).toBe("https://shop.example.com/store/api/orders");
    expect(Object.fromEntries(queryOf(seen[0]))).toEqual({
      display: "full",
      "filter[id]": ">[41]",
      "filter[date_upd]": "[2026-06-01 02:00:00,2026-06-02 02:00:00]",
      date: "1",
      sort: "[id_ASC]",
      limit: "50",
      output_format: "JSON",
    });
    expect(seen[0]?.url).toContain("filter%5Bdate_upd%5D=%5B2026-06-01+02%3A00%3A00%2C2026-06-02+02%3A00%3A00%5D");
    expect(seen[0]?.headers.get("authorization")).toBe(`Basic ${btoa(`${key}:`)}`);
    expect(seen[0]?.headers.get("output-format")).toBe("JSON");
    expect(seen[0]?.headers.get("user-agent")).toMatch(/^Jobyard/);
    expect(seen[0]?.url).not.toContain(key);
  });

  test("with the key in the address when that is wanted", async () => {
    const { shop, seen } = open([json([])], { keyIn: "address" });
    await shop.page("orders", { afterId: 0, signal });
    expect(queryOf(seen[0]).get("ws_key")).toBe(key);
    expect(seen[0]?.headers.get("authorization")).toBeNull();
  });

  test.each(["https://shop.example.com/store/", "https://shop.example.com/store/api", "https://shop.example.com/store/api/"])("of %s", async (url) => {
    const { shop, seen } = open([json([])], { url });
    await shop.page("orders", { afterId: 0, signal });
    expect(seen[0]?.url).toMatch(/^https:\/\/shop\.example\.com\/store\/api\/orders\?/);
  });

  test("customers without their secrets", async () => {
    const { shop, seen } = open([json({ customers: [{ id: 3, email: "Anonymous@PSGDPR.com", passwd: "secret", secure_key: "secret" }] })]);
    const reply = await shop.find("customers", { field: "id", values: [3, 4, 3] }, signal);
    expect(queryOf(seen[0]).get("display")).not.toMatch(/passwd|secure_key|token|full/);
    expect(queryOf(seen[0]).get("filter[id]")).toBe("[3|4]");
    expect(reply).toMatchObject({ ok: true, value: { rows: [{ id: 3, anonymous: true }] } });
    expect(JSON.stringify(reply)).not.toContain("secret");
  });

  test("many ids in several requests, each URL under 2 kB", async () => {
    const { shop, seen } = open([json([])]);
    const values = Array.from({ length: 1000 }, (_, at) => 1_000_000 + at);
    await shop.find("customers", { field: "id", values }, signal);
    expect(seen.every(({ url }) => url.length < 2048)).toBe(true);
    const rows = seen.filter((call) => queryOf(call).has("display"));
    expect(rows.flatMap((call) => (queryOf(call).get("filter[id]") ?? "").slice(1, -1).split("|"))).toEqual(values.map(String));
  });

  test("nothing for no values, and nothing for what the filters cannot say", async () => {
    const { shop, seen } = open([json([])]);
    expect(await shop.find("orders", { field: "reference", values: [] }, signal)).toMatchObject({ value: { rows: [] } });
    expect(await shop.find("orders", { field: "reference", values: ["A|B", "1,2", "", "X]"] }, signal)).toMatchObject({
      value: { rows: [], warnings: [expect.stringContaining("4 values")] },
    });
    expect(seen).toEqual([]);
  });

  test("one request at a time", async () => {
    let inside = 0;
    let most = 0;
    const slow = async () => {
      most = Math.max(most, ++inside);
      await Promise.resolve();
      inside--;
      return json([]);
    };
    const { shop } = open([slow]);
    await Promise.all([1, 2, 3].map((afterId) => shop.page("orders", { afterId, signal })));
    expect(most).toBe(1);
  });
});

describe("the shop's settings", () => {
  const configurations = (...values: [string, string][]) => json({ configurations: values.map(([name, value], at) => ({ id: at + 1, name, value })) });

  test("are read once", async () => {
    const { shop, seen } = open([configurations(["PS_TIMEZONE", "Asia/Kolkata"], ["PS_LANG_DEFAULT", "2"], ["PS_TIMEZONE", "UTC"]), json([])], {}, false);
    await shop.page("orders", { afterId: 0, signal });
    await shop.page("orders", { afterId: 0, signal });
    expect(await shop.settings(signal)).toEqual({ ok: true, value: { timezone: "Asia/Kolkata", languageId: 2, currencyId: null } });
    // One name was missing, so the list was read to its end.
    expect(seen.filter(({ url }) => url.includes("/api/configurations?"))).toHaveLength(2);
  });

  test.each([[[["PS_TIMEZONE", "Mars/Olympus"]]], [[["PS_LANG_DEFAULT", "1"]]], [[]]] as [string, string][][][])(
    "without a zone that exists nothing is read: %j",
    async (values) => {
      const { shop, seen } = open([configurations(...values)], {}, false);
      expect(await shop.page("orders", { afterId: 0, signal })).toMatchObject({ failure: { class: "config", code: "time-zone" } });
      expect(seen.every(({ url }) => url.includes("/api/configurations?"))).toBe(true);
    },
  );

  test("a test asks HEAD /api/ first, tells the version, and says what is wrong for good", async () => {
    const version = new Response(null, { headers: { "psws-version": "8.2.0" } });
    const { shop, seen } = open([version, configurations(["PS_TIMEZONE", "Europe/Prague"])], {}, false);
    expect(await shop.test(signal)).toEqual({ ok: true, value: { version: "8.2.0", timezone: "Europe/Prague", languageId: null, currencyId: null } });
    expect([seen[0]?.method, seen[0]?.url]).toEqual(["HEAD", "https://shop.example.com/store/api/"]);
    expect(await open([html(200)], {}, false).shop.test(signal)).toMatchObject({ failure: { class: "config", code: "html" } });
    expect(await open([errors(401, 20, 21)], {}, false).shop.test(signal)).toMatchObject({ failure: { class: "config", code: "20" } });
  });

  test("permissions that are missing are named, all of them", async () => {
    const answer = (call: SeenCall) => (call.url.includes("/orders?") ? json({ orders: [{ id: 1 }] }) : errors(401, 26));
    expect(await open([answer]).shop.permissions(["orders", "products", "suppliers"], signal)).toEqual({
      ok: true,
      value: { missing: ["products", "suppliers"] },
    });
    expect(await open([html(502)]).shop.permissions(["orders"], signal)).toMatchObject({ ok: false });
  });
});

describe("the size of a page", () => {
  const page = (rows: number, seconds: number) =>
    json({ orders: Array.from({ length: rows }, (_, at) => ({ id: at + 1 })) }, { headers: { "execution-time": String(seconds) } });
  const sizes = async (...answers: Answer[]) => {
    const { shop, seen } = open([...answers, none]);
    for (let at = 0; at < answers.length; at++) await shop.page("orders", { afterId: 0, signal });
    return [...pageLimits(seen).slice(0, answers.length), shop.pageSizes.heavy];
  };

  test("grows with a quick shop and is halved with a slow one", async () => {
    expect(await sizes(page(50, 0.5), page(75, 0.5), page(100, 0.5))).toEqual([50, 75, 100, 100]);
    expect(await sizes(page(50, 6), page(25, 9), page(12, 3), page(5, 0.1))).toEqual([50, 25, 12, 12, 12]);
    expect(await sizes(page(50, 60), page(25, 60), page(12, 60), page(6, 60))).toEqual([50, 25, 12, 6, 5]);
  });

  test("goes on from an earlier run's", () => {
    const { shop } = open([]);
    shop.resume({ pageSizes: { heavy: 20, light: 300 } });
    expect(shop.pageSizes).toEqual({ heavy: 20, light: 300 });
    shop.resume({ pageSizes: { heavy: 9999, light: 9999 } });
    expect(shop.pageSizes).toEqual({ heavy: 100, light: 5000 });
  });

  test("a page that the shop could not finish is asked for once more, smaller", async () => {
    const { shop, seen } = open([html(504), json([])]);
    expect(await shop.page("orders", { afterId: 0, signal })).toMatchObject({ ok: true });
    expect(pageLimits(seen)).toEqual([50, 12]);
    const again = open([html(504)]);
    expect(await again.shop.page("orders", { afterId: 0, signal })).toMatchObject({ ok: false, failure: { code: "504" } });
    expect(again.seen).toHaveLength(2);
  });

  test("so is one that never came, within the time limit", async () => {
    vi.useFakeTimers();
    const { shop, seen } = open([neverAnswers, json([])]);
    const reply = shop.page("orders", { afterId: 0, signal });
    await vi.advanceTimersByTimeAsync(46_000);
    expect(await reply).toMatchObject({ ok: true });
    expect(pageLimits(seen)).toEqual([50, 12]);
  });

  test("an ended run asks for nothing more", async () => {
    const ended = new AbortController();
    ended.abort();
    const { shop, seen } = open([json([])]);
    expect(await shop.page("orders", { afterId: 0, signal: ended.signal })).toMatchObject({ ok: false, failure: { class: "transient" } });
    expect(seen).toEqual([]);
  });
});
