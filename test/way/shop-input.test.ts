import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { play, type Playing } from "../scripts/sandbox.ts";
import { makeTenant } from "./support/api.ts";
import { selfSigned } from "./support/certificate.ts";
import { freePort } from "./support/ports.ts";
import { Shops } from "./support/shops.ts";
import { type Kept, startKept } from "./support/start.ts";
import { until, untilJob } from "./support/until.ts";

let kept: Kept;
let sandbox: Playing;
let shops: Shops;
const stateDir = mkdtempSync(join(tmpdir(), "jobyard-shops-"));

// The runtime itself makes the calls here: under the harness a connection that fails is an answer of 500.
beforeAll(async () => {
  sandbox = await play();
  kept = await startKept(stateDir);
  shops = new Shops({ sandbox, now: Date.now }, await makeTenant(kept.api, "shops", sandbox.url));
  await shops.connect("shop", { orders: 10, products: 3 });
});
beforeEach(async () => {
  await sandbox.ask("DELETE", "/__faults");
  await shops.control("PATCH", "/shop", { enabled: true });
  await shops.put("shop");
});
afterAll(async () => {
  await kept?.close();
  await sandbox?.close();
  rmSync(stateDir, { recursive: true, force: true });
});

const html = (title: string) => `<!DOCTYPE html><html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`;
const page = (status: number, title: string) => ({ status, body: html(title), headers: { "content-type": "text/html; charset=utf-8" } });
const answers = (what: object) => () => sandbox.fault({ provider: "shop", path: "/shop/*", ...what });
const address =
  (url: () => string | Promise<string>) =>
  async (site = "shop") =>
    shops.put(site, { url: await url() });
const jsonApi = { status: 404, body: { code: "rest_no_route", message: "No route was found" }, headers: { "content-type": "application/json" } };

/** Faults that a person must correct: the site pauses, its job waits and counts no attempt. */
const lasting: [what: string, make: () => Promise<unknown>, reason: RegExp][] = [
  ["a wrong key", () => shops.put("shop", { key: "X".repeat(32) }), /does not know the key.*Webservice/],
  ["a key that was cut short", () => shops.put("shop", { key: "X".repeat(31) }), /key/],
  ["a shop whose webservice is off", () => shops.control("PATCH", "/shop", { enabled: false }), /webservice is switched off: enable it/],
  ["an address without a shop", address(() => `${sandbox.url}/elsewhere`), /no PrestaShop webservice at this address \(404\)/],
  ["another program's JSON API", answers(jsonApi), /no PrestaShop webservice at this address \(404\)/],
  ["WordPress", answers(page(404, "Page not found – My blog")), /no PrestaShop webservice at this address \(404\)/],
  ["a redirect", answers({ status: 301, body: "", headers: { location: "https://www.shop.example/api/" } }), /redirects to https:\/\/www\.shop\.example/],
  ["a firewall", answers(page(403, "Access denied")), /firewall.*User-Agent/],
];

test.each(lasting)("%s pauses the site with a reason to act on, and all goes on once it is corrected", async (_what, make, reason) => {
  await make();
  expect(await shops.test("shop")).toMatchObject({ ok: false, class: "config", reason: expect.stringMatching(reason) });
  const id = await shops.tenant.enqueue("sync-orders", { siteId: "shop" });
  expect(await untilJob(shops.tenant, id, "waiting")).toMatchObject({ attempt: 0, waitingFor: expect.stringMatching(reason) });
  expect((await shops.state("shop")).paused).toMatchObject({ reason: expect.stringMatching(reason) });
  await sandbox.ask("DELETE", "/__faults");
  await shops.control("PATCH", "/shop", { enabled: true });
  await shops.put("shop");
  await untilJob(shops.tenant, id, "done");
});

/** What may pass by itself: the job is tried again, with a reason to act on should it not. */
const passing: [what: string, make: (site: string) => Promise<unknown>, reason: RegExp, kind: string][] = [
  [
    "a page of maintenance with 200",
    answers(page(200, "We will be back soon")),
    /web page where .* should be: maintenance mode, a login, or no PrestaShop/,
    "config",
  ],
  ["a page of maintenance with 503", answers(page(503, "We will be back soon")), /maintenance or its hosting overloaded \(503\)/, "transient"],
  ["a port where nothing listens", address(async () => `http://127.0.0.1:${await freePort()}`), /connection failed.*check the address/, "transient"],
  ["a name that does not exist", address(() => "https://no-such-shop.example"), /connection failed.*check the address/, "transient"],
  ["a self-signed certificate", address(() => `https://localhost:${unsigned}`), /certificate is valid \(not self-signed\)/, "transient"],
];
let unsigned = 0;
const tls = createServer(selfSigned("localhost"), (_request, response) => response.end("{}"));
beforeAll(async () => {
  await new Promise<void>((resolve) => tls.listen(0, "127.0.0.1", resolve));
  unsigned = (tls.address() as AddressInfo).port;
});
afterAll(() => void tls.close());

test.each(passing)("%s is tried again, and says what to look at", async (what, make, reason, kind) => {
  // A site for each: the circuit of one that failed before would answer for the shop.
  const site = what.replaceAll(" ", "-");
  await shops.put(site);
  await make(site);
  expect(await shops.test(site)).toMatchObject({ ok: false, class: kind, reason: expect.stringMatching(reason) });
  const id = await shops.tenant.enqueue("sync-orders", { siteId: site });
  await until("it has failed", async () => {
    const { state, error, waitingFor } = await shops.tenant.job(id);
    return reason.test(`${error} ${waitingFor}`) || { state, error, waitingFor };
  });
  expect((await shops.state(site)).paused).toBeNull();
  await shops.tenant.ask("POST", `/v1/jobs/${id}/cancel`);
});
