import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noBrowser, startBrowser } from "../browser/browser.ts";
import { type Api, expectOk } from "../way/support/api.ts";
import { startWay, type Way } from "../way/support/harness.ts";
import { until } from "../way/support/until.ts";

/** What an operator does at night, on the pages of the whole Worker. */
describe.skipIf(noBrowser)(`operators at night${noBrowser ? ` (skipped: ${noBrowser})` : ""}`, () => {
  let way: Way;
  let browser: Browser;

  beforeAll(async () => {
    [way, browser] = await Promise.all([startWay(), startBrowser()]);
    await way.trouble({ longestDelay: 1 });
  });
  afterAll(async () => {
    await browser?.close();
    await way?.close();
  });

  const mails = (tenant: string, count: number) =>
    Array.from({ length: count }, (_, index) => ({ type: "email", payload: { to: `n${index}@${tenant}.example`, subject: "Hello", text: "Hello" } }));
  const enqueue = async (api: Api, tenant: string, count: number) =>
    (await expectOk(api.ask("POST", "/v1/jobs/batch", { body: { jobs: mails(tenant, count) } }))).body.ids as string[];
  const countOf = async (tenant: string, state: string) =>
    (await way.rows<{ n: number }>("SELECT count(*) AS n FROM jobs WHERE tenant = ? AND state = ?", tenant, state))[0]?.n;
  const mailsOf = (tenant: string) => way.sandbox.mails(`?to=${tenant}.example&limit=10000`);

  /** Mails that the provider refuses for good. */
  async function fail(api: Api, tenant: string, count: number): Promise<void> {
    await way.sandbox.fault({ provider: "mail", status: 422 });
    await enqueue(api, tenant, count);
    await until(`${count} have failed`, async () => (await countOf(tenant, "discarded")) === count || (await countOf(tenant, "discarded")));
  }

  async function signedIn(tenant: string, scopes: string[], path = "/"): Promise<Page> {
    const { token } = (await expectOk(way.api.ask("POST", `/v1/tenants/${tenant}/tokens`, { body: { name: "page", scopes } }))).body;
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(`${way.url}/t/${tenant}${path}`);
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator("#live").waitFor();
    return page;
  }

  /** From the group of failures by its plan to the page of the replay. */
  async function replay(page: Page, tenant: string, total: string, { canary, rate }: { canary: number; rate?: number }): Promise<string> {
    await page.goto(`${way.url}/t/${tenant}/failures`);
    await page.getByRole("link", { name: "email" }).click();
    await page.getByRole("link", { name: `Replay ${total}…` }).click();
    await page.getByRole("heading", { name: `Replay ${total} jobs?` }).waitFor();
    await page.getByLabel("Jobs to run first").fill(String(canary));
    if (rate !== undefined) await page.getByLabel(/^Jobs a minute/).fill(String(rate));
    await page.getByRole("button", { name: `Replay ${total}` }).click();
    await page.waitForURL("**/replays/**");
    return page.url().split("/").at(-1) ?? "";
  }

  /** A page's fact by its name. */
  const fact = (page: Page, name: string) => page.locator("dt", { hasText: new RegExp(`^${name}$`) }).locator("xpath=following-sibling::dd[1]");

  async function untilState(api: Api, id: string, state: string): Promise<Record<string, number>> {
    let seen: Record<string, number> = {};
    await until(
      `the replay is ${state}`,
      async () => {
        await way.tick(1000);
        seen = (await api.get(`/v1/replays/${id}`)).body;
        return (seen["state"] as unknown) === state || seen;
      },
      600,
      1000,
    );
    return seen;
  }

  test("a replay whose cause stands stops by itself after its first five; one that sends all at once ends with all failed again", async () => {
    const tenant = "stands";
    const api = await way.tenant(tenant);
    await fail(api, tenant, 12);
    const page = await signedIn(tenant, ["read", "operate"]);
    const stopped = await replay(page, tenant, "12", { canary: 5 });
    expect(await untilState(api, stopped, "stopped")).toMatchObject({ sent: 5, failedAgain: 5, succeeded: 0 });
    await page.locator("h1 .state", { hasText: "stopped" }).waitFor();
    expect(await fact(page, "Failed again").innerText()).toBe("5");
    expect(await fact(page, "Not sent yet").innerText()).toBe("7");
    const all = await replay(page, tenant, "12", { canary: 0 });
    expect(await untilState(api, all, "done")).toMatchObject({ failedAgain: 12, succeeded: 0, open: 0 });
    await page.locator("h1 .state", { hasText: "done" }).waitFor();
    expect(await fact(page, "Failed again").innerText()).toBe("12");
    expect(await mailsOf(tenant)).toEqual([]);
  });

  test("a group of 1,000 is replayed once its fault is repaired: five go first, then the rate; each mail goes out once", async () => {
    const [tenant, rate] = ["mended", 300];
    const api = await way.tenant(tenant, { perSecond: 1000, concurrency: 50 });
    await fail(api, tenant, 1000);
    await way.sandbox.ask("DELETE", "/__faults");
    const page = await signedIn(tenant, ["read", "operate"]);
    const id = await replay(page, tenant, "1,000", { canary: 5, rate });
    expect((await api.get(`/v1/replays/${id}`)).body).toMatchObject({ total: 1000, sent: 5 });
    await until("the first five are out", async () => (await mailsOf(tenant)).length === 5 || (await mailsOf(tenant)).length);
    await way.tick(60_000);
    const { body } = await api.get(`/v1/replays/${id}`);
    expect(body.sent).toBeGreaterThan(5);
    expect(body.sent).toBeLessThanOrEqual(5 + rate);
    expect(await untilState(api, id, "done")).toMatchObject({ total: 1000, sent: 1000, succeeded: 1000, failedAgain: 0 });
    await page.locator("h1 .state", { hasText: "done" }).waitFor();
    const sent = await mailsOf(tenant);
    expect([sent.length, new Set(sent.map(({ to }) => String(to))).size]).toEqual([1000, 1000]);
    await page.goto(`${way.url}/t/${tenant}/failures`);
    await page.getByRole("link", { name: "email" }).click();
    expect(await fact(page, "Failing now").innerText()).toBe("0 retrying, 0 dead letters");
  });

  test("213 jobs that an open circuit holds have the same sentence on Now, on Flow and on each job", async () => {
    const tenant = "held";
    const api = await way.tenant(tenant, { breaker: { failures: 5, openSeconds: 600 } });
    await way.sandbox.fault({ provider: "mail", status: 503 });
    const [first = ""] = await enqueue(api, tenant, 213);
    const gate = async () => (await api.get("/v1/gates")).body.gates[0];
    await until("all 213 are held", async () => {
      const { circuit, held, parked } = await gate();
      return (circuit === "open" && held + parked === 213) || [circuit, held, parked];
    });
    const reader = await signedIn(tenant, ["read"]);
    const sentenceAt = async (place: string) => (await reader.locator(place).first().innerText()).replaceAll(/\([^)]*\d[^)]*\)/g, "").trim();
    const onNow = await sentenceAt(".findings .sentence");
    expect(onNow).toContain("213 jobs wait for it");
    await reader.goto(`${way.url}/t/${tenant}/jobs/${first}`);
    expect(await sentenceAt(".why")).toContain(onNow);
    await reader.goto(`${way.url}/t/${tenant}/flow`);
    expect(await reader.locator("#gate-mail").innerText()).toMatch(/open[\s\S]*213/);
    expect(await reader.locator("#queue-email-sending").innerText()).toContain("213");
    expect([await sentenceAt("#gate-mail-why"), await sentenceAt("#queue-email-sending-why")]).toEqual([onNow, onNow]);
    await reader.goto(`${way.url}/t/${tenant}/flow/email-sending`);
    expect(await sentenceAt(".why")).toBe(onNow);
    // A token that may only read sees no control on any of them.
    for (const path of ["/", `/jobs/${first}`, "/jobs?state=waiting", "/flow", "/flow/email-sending", "/failures"]) {
      await reader.goto(`${way.url}/t/${tenant}${path}`);
      expect([path, await reader.locator("main form[method=post], main dialog, main input[type=checkbox]").count()]).toEqual([path, 0]);
    }
  });
});
