import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createSiteStore, openWebhookSecret, siteSection } from "../../src/tenants/site";
import { createSnapshots } from "../../src/tenants/snapshot";
import { createTenantStore } from "../../src/tenants/tenant";
import { oldVault, refusalOf, rotatedVault, rules } from "./fakes";

const key = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
const shop = { platform: "prestashop", url: "https://shop.cz/eshop/", key };
const snapshots = createSnapshots({ db: env.DB, kv: env.CONFIG, sections: [siteSection] });
const store = createSiteStore(env.DB, oldVault, rules, snapshots.changed);

beforeAll(async () => {
  for (const tenant of ["one", "two", "rot"]) await createTenantStore(env.DB, snapshots.changed).put(tenant, { name: tenant }, 1);
});

describe("put refuses", () => {
  test.each([
    [{ ...shop, platform: "magento" }, ["platform: must be prestashop"]],
    [{ ...shop, url: "http://shop.cz" }, ["url: must begin with https://"]],
    [{ ...shop, url: "https://10.0.0.1" }, ["url: must have a public host: 10.0.0.1 is private"]],
    [{ ...shop, url: "https://shop.cz?ws_key=1" }, ["url: must be the shop's address without ? or #"]],
    [{ ...shop, webhook: {} }, ["webhook.secret: is missing"]],
    [
      { ...shop, webhook: { secret: "", format: "md5", header: "a b" } },
      [
        "webhook.secret: must be 16 to 512 visible ASCII characters without spaces",
        "webhook.header: must be the name of a header",
        "webhook.format: must be one of hex, base64, standard, token",
      ],
    ],
    [{ ...shop, password: "x" }, ["password: is not a field here; known are platform, url, key, keyIn, webhook"]],
  ])("%j", async (body, errors) => expect((await refusalOf(store.put("one", "wrong", body, 1))).errors).toEqual(errors));

  test.each(["", "x".repeat(257), key.replace("A", "\n"), key.replace("A", " "), "user:word", "klíč"])("the key %j", async (wrong) => {
    const { errors } = await refusalOf(store.put("one", "wrong", { ...shop, key: wrong }, 1));
    expect(errors).toEqual(["key: must be 1 to 256 visible ASCII characters without a colon"]);
  });

  test.each(["", " ", "   ", "x".repeat(33), "sha\n"])("the prefix %j; one with a blank behind it is taken", async (prefix) => {
    const put = (text: string) => store.put("one", "prefix", { ...shop, webhook: { secret: "a-secret-of-the-module", prefix: text } }, 1);
    expect((await refusalOf(put(prefix))).errors).toEqual(["webhook.prefix: must be 1 to 32 characters of ASCII, not blanks alone"]);
    expect((await put("sha256= ")).site.webhook).toMatchObject({ prefix: "sha256= " });
    await store.remove("one", "prefix");
  });

  test("a wrong name, and a tenant that does not exist", async () => {
    expect((await refusalOf(store.put("one", "My Shop", shop, 1))).errors[0]).toMatch(/^site: /);
    expect(await refusalOf(store.put("nobody", "shop", shop, 1))).toMatchObject({ code: "not-found" });
  });

  test("without ever repeating what was sent", async () => {
    const { text } = await refusalOf(store.put("one", "wrong", { ...shop, key: "hunter2", webhook: { secret: ["hunter2"] } }, 1));
    expect(text).not.toContain("hunter2");
  });
});

test.each(["k", "x".repeat(256), "!~-_.=/+"])("takes a key of any make: %s", async (other) => {
  await store.put("one", "other", { ...shop, key: other }, 1);
  expect(await store.open("one", "other")).toMatchObject({ ok: true, value: { key: other } });
  await store.remove("one", "other");
});

test("sends the key in the address only where that is said, and no longer once it is not", async () => {
  expect((await refusalOf(store.put("one", "cgi", { ...shop, keyIn: "cookie" }, 1))).errors).toEqual(["keyIn: must be header or address"]);
  expect(await store.put("one", "cgi", { ...shop, keyIn: "address" }, 1)).toMatchObject({ site: { keyIn: "address" } });
  expect(await store.open("one", "cgi")).toMatchObject({ ok: true, value: { keyIn: "address" } });
  expect(await store.put("one", "cgi", shop, 2)).toMatchObject({ site: { keyIn: "header" } });
  await store.remove("one", "cgi");
});

test("shows what it keeps, but no secret, and keeps no secret in the clear", async () => {
  const webhook = { secret: "sign-me-with-this", header: "X-Shop-Signature", format: "base64" };
  const put = await store.put("one", "shop", { ...shop, webhook }, 5);
  const view = {
    site: "shop",
    platform: "prestashop",
    url: "https://shop.cz/eshop",
    keyIn: "header",
    webhook: { header: "X-Shop-Signature", format: "base64" },
    created: 5,
    updated: 5,
  };
  expect(put).toEqual({ created: true, site: view });
  expect(await store.get("one", "shop")).toEqual(view);
  expect(await store.list("one")).toEqual([view]);
  const row = JSON.stringify(await env.DB.prepare("SELECT * FROM sites WHERE tenant = 'one' AND site = 'shop'").first());
  for (const secret of [key, "sign-me-with-this"]) expect(row).not.toContain(secret);
});

test("another tenant neither sees, opens nor removes it", async () => {
  await store.put("one", "own", shop, 5);
  expect(await store.get("two", "own")).toBeNull();
  expect(await store.open("two", "own")).toMatchObject({ ok: false, reason: "missing" });
  expect(await store.remove("two", "own")).toBe(false);
  expect(await store.open("one", "own")).toEqual({
    ok: true,
    value: { site: "own", platform: "prestashop", url: "https://shop.cz/eshop", key, keyIn: "header" },
  });
});

test("a sealed key put into another row does not open", async () => {
  await store.put("one", "a", shop, 5);
  await store.put("two", "a", shop, 5);
  await env.DB.prepare("UPDATE sites SET key = (SELECT key FROM sites WHERE tenant = 'one' AND site = 'a') WHERE tenant = 'two' AND site = 'a'").run();
  expect(await store.open("two", "a")).toMatchObject({ ok: false, reason: "unreadable", detail: expect.stringContaining("must be set again") });
});

test("a replacing put leaves nothing of the old webhook, and says it created nothing", async () => {
  await store.put("two", "shop", { ...shop, webhook: { secret: "s".repeat(16) } }, 5);
  const put = await store.put("two", "shop", shop, 5);
  expect(put).toMatchObject({ created: false, site: { webhook: null } });
  expect(await store.remove("two", "shop")).toBe(true);
  expect(await store.get("two", "shop")).toBeNull();
});

test("intake reads the webhook from the snapshot, sealed until it is opened", async () => {
  await store.put("two", "hooked", { ...shop, webhook: { secret: "sign-me-with-this" } }, 5);
  const known = await snapshots.read("two", Date.now());
  const site = known.state === "known" ? known.snapshot.sections.sites?.["hooked"] : undefined;
  expect(site).toMatchObject({ platform: "prestashop", webhook: { header: "X-Prestashop-Signature", format: "hex" } });
  expect(await env.CONFIG.get("tenant/two")).not.toContain("sign-me-with-this");
  expect(await openWebhookSecret(oldVault, "two", "hooked", site!.webhook!)).toMatchObject({ ok: true, text: "sign-me-with-this" });
});

test("a rotation seals everything under the new key, once", async () => {
  await store.put("rot", "a", { ...shop, webhook: { secret: "s".repeat(16) } }, 5);
  await store.put("rot", "b", shop, 5);
  const rotated = createSiteStore(env.DB, rotatedVault, rules, snapshots.changed);
  expect(await rotated.rotate("rot")).toBe(2);
  expect(await rotated.rotate("rot")).toBe(0);
  expect(await rotated.open("rot", "a")).toMatchObject({ ok: true, value: { key } });
  expect(await store.open("rot", "a")).toMatchObject({ ok: false, reason: "unreadable" });
});
