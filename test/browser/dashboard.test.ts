import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { dashboard } from "../../src/dashboard";
import { answers, hostile, job, jobId } from "./answers";
import { noBrowser, startBrowser } from "./browser";
import { type FakeApi, fakeApi, problem, token } from "./fake-api";

describe.skipIf(noBrowser)(`the operator's page${noBrowser ? ` (skipped: ${noBrowser})` : ""}`, () => {
  let browser: Browser;
  let api: FakeApi;
  /** One tab for all tests: each has an API at an address of its own, so nothing stored is shared. */
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    browser = await startBrowser();
    page = await open({ timezoneId: "America/Los_Angeles" });
  });
  afterAll(() => browser.close());

  beforeEach(async () => {
    api = await fakeApi(answers(), dashboard);
    complaints = [];
  });
  afterEach(async () => {
    if (await page.evaluate("window.hacked")) complaints.push("hostile text was run");
    await page.evaluate("sessionStorage.clear(), localStorage.clear()");
    await page.goto("about:blank");
    await api.close();
    if (complaints.length > 0) throw new Error(complaints.join("\n"));
  });

  async function open(options: BrowserContextOptions): Promise<Page> {
    const page = await browser.newPage(options);
    page.setDefaultTimeout(20_000);
    page.on("pageerror", (thrown) => complaints.push(thrown.message));
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(api.url)) complaints.push(`went to ${request.url()}`);
    });
    return page;
  }

  async function signIn(hash = "", as = { token, tenant: "demo" }) {
    await page.goto(`${api.url}/${hash}`);
    await page.getByLabel("Token", { exact: true }).fill(as.token);
    await page.getByLabel(/^Tenant/).fill(as.tenant);
    await page.getByRole("button", { name: "Sign in" }).click();
  }

  const heading = (name: string | RegExp) => page.getByRole("heading", { level: 1, name }).waitFor();
  const called = (method: string, path: string) => api.calls.filter((call) => call.method === method && call.path === path);

  test("a wrong token is refused, forgotten, and never part of an address", async () => {
    await signIn("", { token: "jy_wrong", tenant: "" });
    await page.getByRole("alert").getByText("This token is not valid.").waitFor();
    expect(await page.evaluate("sessionStorage.length + localStorage.length")).toBe(0);
    expect(page.url()).not.toContain("jy_wrong");
    expect(api.calls[0]?.tenant).toBeUndefined();
  });

  test("a failing API shows its reason and can be asked again", async () => {
    api.answers.set("GET /v1/stats", () => problem(503, "unavailable", `The ledger is away. ${hostile}`));
    await signIn();
    await page.getByRole("alert").getByText("The ledger is away. <img").waitFor();
    api.answers.set("GET /v1/stats", answers()["GET /v1/stats"]);
    await page.getByRole("button", { name: "Try again" }).click();
    await heading("The last hour");
    expect(await page.getByRole("alert").count()).toBe(0);
  });

  test("signing in keeps the token in this tab, names the tenant on each call, and signing out forgets it", async () => {
    await signIn();
    await heading("The last hour");
    expect(api.calls.every((call) => call.tenant === "demo")).toBe(true);
    await page.reload();
    await heading("The last hour");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token", { exact: true }).waitFor();
    expect(await page.evaluate("sessionStorage.length + localStorage.length")).toBe(0);
  });

  test("the overview counts, draws and leads on", async () => {
    await signIn();
    await heading("The last hour");
    expect(await page.locator(".tile").allInnerTexts()).toEqual(
      expect.arrayContaining([expect.stringMatching(/1,234\s+accepted/), expect.stringMatching(/7\s+dead letters/)]),
    );
    expect(
      await page
        .getByRole("img", { name: /at most 1200/ })
        .locator("rect")
        .count(),
    ).toBe(2);
    expect(await page.getByRole("row", { name: /^email/ }).innerText()).toContain("50 ms");
    await page.getByRole("cell", { name: hostile }).waitFor();
    await page.getByRole("link", { name: "email" }).click();
    await heading("Jobs");
    expect(called("GET", "/v1/jobs").at(-1)?.query).toEqual({ type: "email", limit: "50" });
  });

  test("jobs are filtered and paged by the address", async () => {
    await signIn("#/jobs");
    await heading("Jobs");
    await page.getByText(hostile).waitFor();
    await page.getByRole("link", { name: "Older" }).click();
    await page.getByRole("cell", { name: "image" }).waitFor();
    expect(called("GET", "/v1/jobs").at(-1)?.query["cursor"]).toBe("page+2/=");
    await page.getByLabel("State").selectOption("dead");
    await page.getByLabel("From").fill("2026-10-25T02:30");
    await page.getByLabel("Search").fill("order:7 & <b>");
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByText("No job fits.").waitFor();
    expect(called("GET", "/v1/jobs").at(-1)?.query).toEqual({ state: "dead", from: "2026-10-25T09:30:00.000Z", q: "order:7 & <b>", limit: "50" });
    expect(await page.getByLabel("From").inputValue()).toBe("2026-10-25T02:30");
    expect(await page.getByLabel("Search").inputValue()).toBe("order:7 & <b>");
    await page.goBack();
    await page.getByRole("cell", { name: "image" }).waitFor();
  });

  test("a job shows what happened, hostile text as text", async () => {
    await signIn(`#/jobs/${jobId}`);
    await heading(/email/);
    await page.getByText("delivered 3×, sent once").waitFor();
    await page.getByText("3 of 12 · page 3").waitFor();
    await page.getByText("version 3").waitFor();
    expect(await page.locator(".timeline li").count()).toBe(2);
    expect(await page.locator("pre").first().innerText()).toContain(JSON.stringify(hostile));
    expect(await page.locator("main img, main script").count()).toBe(0);
  });

  test("personal fields are shown only after asking", async () => {
    await signIn(`#/jobs/${jobId}`);
    await heading(/email/);
    await page.getByRole("button", { name: "Reveal" }).click();
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.getByText("ann@example.org").waitFor();
    expect(called("GET", `/v1/jobs/${jobId}`).map(({ query }) => query)).toEqual([{}, { reveal: "1" }]);
  });

  test("retry and cancel ask first; a refusal is shown", async () => {
    await signIn(`#/jobs/${jobId}`);
    await page.getByRole("button", { name: "Retry" }).click();
    await page.getByRole("button", { name: "Not now" }).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Cancel it" }).click();
    await page.getByText("The job has ended: it is done.").waitFor();
    expect(called("POST", `/v1/jobs/${jobId}/retry`)).toEqual([]);
    await page.getByRole("button", { name: "Retry" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Retry" }).click();
    await page.getByText("It runs again.").waitFor();
    expect(called("POST", `/v1/jobs/${jobId}/retry`)).toHaveLength(1);
  });

  test("a job the ledger does not know yet is shown all the same", async () => {
    const unwritten = { ...job, type: null, maxAttempts: null, at: null, runAt: null, startedAt: null, queue: null, siteId: null };
    api.answers.set(`GET /v1/jobs/${jobId}`, {
      ...unwritten,
      state: "queued",
      runs: 0,
      waitingFor: undefined,
      templateVersion: undefined,
      timeline: [],
      effects: [],
      payload: null,
      entities: [],
    });
    await signIn(`#/jobs/${jobId}`);
    await heading(/not recorded yet/);
    expect(await page.locator("dd").allInnerTexts()).toEqual([jobId, "–"]);
  });

  test("a group of dead letters is replayed after its plan", async () => {
    await signIn("#/dead-letters");
    await heading("Dead letters");
    await page.getByRole("link", { name: hostile }).click();
    await page.getByRole("link", { name: "Show all" }).waitFor();
    expect(called("GET", "/v1/dead-letters").at(-1)?.query).toEqual({ group: "g1", limit: "50" });
    await page.getByRole("button", { name: "Replay" }).click();
    await page.getByText("7 jobs run again: 7 lead.").waitFor();
    expect(called("POST", "/v1/replays").map(({ body }) => body)).toEqual([{ filter: { group: "g1" }, plan: true }]);
    await page.getByLabel("Jobs per minute").fill("60");
    await page.getByRole("button", { name: "Replay 7" }).click();
    await page.getByText("2 of 7 sent: 1 ended well").waitFor();
    expect(called("POST", "/v1/replays").at(-1)?.body).toEqual({ filter: { group: "g1" }, ratePerMinute: 60 });
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Stop it" }).click();
    await page.getByText("Stopped.").waitFor();
  });

  test("a queue is paused and resumed", async () => {
    await signIn("#/queues");
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await page.getByText("paused", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
    await page.getByText("on", { exact: true }).waitFor();
    expect(api.calls.filter(({ method }) => method === "POST").map(({ path }) => path)).toEqual([
      "/v1/queues/email-sending/pause",
      "/v1/queues/email-sending/resume",
    ]);
  });

  test("a schedule shows its last outcome and its next runs", async () => {
    await signIn("#/schedules");
    await page.getByText("30 2 * * *").waitFor();
    await page.locator("summary").click();
    expect(await page.locator("details li").allInnerTexts()).toHaveLength(5);
    await page.getByText("2026-12-29T02:30:00+01:00").waitFor();
  });

  test("everything can be reached and done by keyboard", async () => {
    await page.goto(api.url);
    await page.keyboard.type(token);
    await page.keyboard.press("Enter");
    await heading("The last hour");
    for (let stops = 0; stops < 12 && (await focused()) !== "Queues"; stops += 1) await page.keyboard.press("Shift+Tab");
    expect(await focused()).toBe("Queues");
    await page.keyboard.press("Enter");
    await heading("Queues");
    for (let stops = 0; stops < 12 && (await focused()) !== "Pause"; stops += 1) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await focused()).toBe("Not now");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(called("POST", "/v1/queues/email-sending/pause")).toEqual([]);
  });

  const focused = () => page.evaluate<string>("document.activeElement.textContent");

  test.each(["", "#/jobs", `#/jobs/${jobId}`, "#/dead-letters", "#/queues", "#/schedules"])("fits a phone, in the dark: %s", async (hash) => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme: "dark" });
    await signIn(hash);
    await page.locator("nav a[aria-current]").waitFor();
    await page.locator(".card").first().waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
    expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).toBe("rgb(18, 21, 26)");
  });
});
