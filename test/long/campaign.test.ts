import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { play, type Playing } from "../scripts/sandbox.ts";
import { type Api, expectOk, makeTenant } from "../way/support/api.ts";
import { type Kept, startKept } from "../way/support/start.ts";
import { until } from "../way/support/until.ts";

let sandbox: Playing;
let kept: Kept;
let shop: Api;
const stateDir = mkdtempSync(join(tmpdir(), "jobyard-campaign-"));

beforeAll(async () => {
  sandbox = await play();
  kept = await startKept(stateDir);
  shop = await makeTenant(kept.api, "shop", sandbox.url);
});
afterAll(async () => {
  await kept?.close();
  await sandbox?.close();
  rmSync(stateDir, { recursive: true, force: true });
});

test("2,000 recipients get a campaign once although the Worker is killed five times, and a high-priority mail overtakes it", async () => {
  await expectOk(shop.ask("PUT", "/v1/templates/news", { body: { subject: "News, {{ name }}", text: "Hello {{ name }}" } }));
  const { id } = (await expectOk(shop.ask("POST", "/v1/campaigns", { body: { name: "News", templateId: "news" } }))).body;
  const list = ["email,name", ...Array.from({ length: 2000 }, (_, n) => `n${n}@news.example,Name ${n}`), "not an address,X", "n7@news.example,Again"].join(
    "\n",
  );
  const put = await shop.ask("PUT", `/v1/campaigns/${id}/recipients`, { body: list, headers: { "content-type": "text/csv" } });
  expect(put).toMatchObject({ status: 200, body: { accepted: 2001, rejected: [{ line: 2002 }] } });

  // Slow enough that each kill meets pages that are with the provider.
  await sandbox.fault({ provider: "mail", path: "/emails/batch", delayMs: 1500 });
  await expectOk(shop.ask("POST", `/v1/campaigns/${id}/start`));
  for (let kill = 1; kill <= 5; kill++) {
    const before = Number((await sandbox.ask("GET", "/__mailbox?limit=1")).json()["received"]);
    await until("pages are with the provider", async () => (await sandbox.calls()).some(({ end }) => end === "pending"));
    await kept.killRuntime();
    if (kill === 5) await sandbox.ask("DELETE", "/__faults");
    expect(before).toBeLessThan(2001);
  }
  await until("the Worker is back", async () => (await kept.api.get("/healthz")).status === 200);
  const reset = await shop.enqueue("email", { to: "second-reset@news.example", subject: "Reset", text: "Reset", priority: "high" });
  await until(
    "the campaign is done",
    async () => {
      const { body } = await shop.get(`/v1/campaigns/${id}`);
      return body.state === "done" || body;
    },
    600,
    1000,
  );
  expect((await shop.get(`/v1/campaigns/${id}`)).body).toMatchObject({ state: "done", total: 2001, queued: 0, sent: 2000, failed: 0, duplicates: 1 });
  const mails = await sandbox.mails("?to=@news.example&limit=10000");
  const news = mails.filter(({ to }) => /^n\d+@/.test(to[0] ?? ""));
  expect(news).toHaveLength(2000);
  expect(new Set(news.map(({ to }) => to[0])).size).toBe(2000);
  expect((await sandbox.effects()).repeated).toEqual({});
  // The password reset that was asked for in the middle does not stand behind the rest.
  expect(await shop.job(reset)).toMatchObject({ state: "done" });
  const place = mails.findIndex(({ to }) => to[0] === "second-reset@news.example");
  expect(place).toBeGreaterThanOrEqual(0);
  expect(place).toBeLessThan(mails.length - 1);
});
