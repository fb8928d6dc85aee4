import { afterEach, describe, expect, test, vi } from "vitest";
import { errors, html, json, key, open, orders, signal } from "./answering";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("why a shop cannot be read", () => {
  test.each([
    [
      "no key arrived",
      new Response("401 Unauthorized", { status: 401, headers: { "www-authenticate": 'Basic realm="Welcome to PrestaShop"' } }),
      "config",
      "no-key",
      /received no key/,
    ],
    ["an empty key", errors(401, 17), "config", "17", /received no key/],
    ["a short key", errors(401, 18), "config", "18", /32 characters/],
    ["an unknown key", errors(401, 21, 20), "config", "20", /does not know the key/],
    ["a key without permissions", errors(401, 21), "config", "21", /no permission at all/],
    ["a permission that is missing", errors(401, 26), "config", "26", /key lacks GET on orders/],
    ["a method that is missing", errors(405, 25), "config", "25", /key lacks GET on orders/],
    ["another shop of a multistore", errors(403, 132), "config", "132", /multistore/],
    ["a webservice that is off, although 503", errors(503, 22), "config", "22", /switched off/],
    ["a refused field, which is our defect", errors(400, 35), "permanent", "35", /refused the request for orders with error 35$/],
    ["a resource that is not implemented", errors(501, 124), "permanent", "124", /124/],
    ["a PHP error", errors(500, 3), "transient", "3", /PHP error/],
    ["a PHP error beside some rows", json({ orders: [{ id: 1 }], errors: [{ code: 5, message: "notice" }] }, { status: 500 }), "transient", "5", /PHP error/],
    ["a PHP error beside some rows that says 200", json({ orders: [{ id: 1 }], errors: [{ code: 5, message: "notice" }] }), "transient", "5", /PHP error/],
    ["a page", html(200), "transient", "html", /web page/],
    ["a login in front", html(401, { "www-authenticate": 'Basic realm="Restricted"' }), "config", "blocked", /password protection/],
    ["a firewall", html(403), "config", "blocked", /Jobyard/],
    ["a bot challenge", html(503, { "cf-mitigated": "challenge" }), "config", "blocked", /User-Agent/],
    ["a security module", html(406), "config", "blocked", /firewall/],
    ["nothing there", html(404), "config", "not-prestashop", /no PrestaShop webservice/],
    ["nothing there, without a word", new Response(null, { status: 404 }), "config", "not-prestashop", /no PrestaShop webservice/],
    ["maintenance", html(503), "transient", "503", /maintenance/],
    ["too many", html(429), "limited", "429", /too often/],
    ["a gateway", html(502), "transient", "502", /502/],
    ["a resource limit", html(508), "transient", "508", /resource limit/],
    ["a self-signed certificate", html(526), "transient", "certificate", /self-signed/],
    ["a server that refuses the connection", html(521), "transient", "no-answer", /no answer from.*check the address/],
    ["a name that does not exist", html(530), "transient", "no-answer", /no answer from.*check the address/],
    ["an empty answer", new Response(""), "transient", "unreadable", /empty/],
    ["JSON that breaks off", new Response('{"orders":[{"id":1'), "transient", "unreadable", /breaks off/],
    ["another program", json({ message: "Hello" }), "transient", "unreadable", /no list of rows/],
    ["a lost connection", new Error("Network connection lost."), "transient", "no-answer", /connection failed.*self-signed/],
  ] as const)("%s", async (_what, answer, kind, code, reason) => {
    const reply = await orders(answer);
    expect(reply).toMatchObject({ ok: false, failure: { class: kind, code, reason: expect.stringMatching(reason) } });
    expect(JSON.stringify(reply)).not.toContain(key);
  });

  test("how long to wait is passed on", async () => {
    expect(await orders(html(503, { "retry-after": "120" }))).toMatchObject({ failure: { class: "limited", retryAfter: 120 } });
    expect(await orders(html(502, { "retry-after": "30" }))).toMatchObject({ failure: { class: "transient", retryAfter: 30 } });
    expect(await orders(errors(503, 22))).toMatchObject({ failure: { class: "config" } });
  });

  test("a redirect is reported with where it leads, without what is in its query", async () => {
    const location = `https://www.example.com/store/api/orders?ws_key=${key}`;
    const { shop, seen } = open([new Response(null, { status: 301, headers: { location } })]);
    const reply = await shop.page("orders", { afterId: 0, signal });
    expect(seen).toHaveLength(1);
    expect(reply).toMatchObject({
      failure: { class: "config", code: "redirect", reason: expect.stringContaining("redirects to https://www.example.com/store (301)") },
    });
    expect(JSON.stringify(reply)).not.toContain(key);
  });

  test("what the shop says stands beside the reason, without the key", async () => {
    const answer = json({ errors: [{ code: 39, message: `key ${key} of ann@example.com` }] }, { status: 400 });
    const reply = await orders(answer);
    expect(reply).toMatchObject({
      failure: { reason: "the shop refused the request for orders with error 39", providerMessage: "key ••• of ann@example.com" },
    });
    expect(JSON.stringify(reply)).not.toMatch(/ABCDEF/i);
  });

  test.each([
    ["a notice that repeats the address", errors(500, 3)],
    ["an error that does", json({ errors: [{ code: 32, message: `bad query /api/orders?ws_key=${key}&x=1 (key: ${key.toLowerCase()})` }] }, { status: 400 })],
    ["a redirect", new Response(null, { status: 302, headers: { location: `/login?back=%2Fapi%3Fws_key%3D${key}` } })],
    ["a redirect into a path", new Response(null, { status: 302, headers: { location: `https://www.example.com/${key}/api/orders` } })],
    ["a page", new Response(`<html><body>ws_key=${key}</body></html>`)],
    ["another program", new Response(`ws_key=${key}`)],
    ["a lost connection", new Error(`GET https://shop.example.com/api/orders?ws_key=${key} failed`)],
  ])("a key that travels in the address is in no reason: %s", async (_what, answer) => {
    const { shop, seen } = open([answer], { keyIn: "address" });
    const reply = await shop.page("orders", { afterId: 0, signal });
    expect(seen[0]?.url).toContain(`ws_key=${key}`);
    expect(reply.ok).toBe(false);
    expect(JSON.stringify(reply).toUpperCase()).not.toContain(key);
  });

  test("an address that may not be called is the operator's to change", async () => {
    const { shop } = open([], { url: "https://10.0.0.1" });
    expect(await shop.page("orders", { afterId: 0, signal })).toMatchObject({ failure: { class: "config", code: "address" } });
  });
});
