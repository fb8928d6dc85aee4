import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { answersOf, hostile, idOf } from "../dashboard/answers";
import { people, type Person } from "../dashboard/desk";
import { noBrowser, startBrowser } from "./browser";
import { type FakeWorker, fakeWorker } from "./fake-api";
import { focused, refreshed, signIn as signInAt, watch } from "./visit";

describe.skipIf(noBrowser)(`the operators' pages${noBrowser ? ` (skipped: ${noBrowser})` : ""}`, () => {
  let browser: Browser;
  let worker: FakeWorker;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => void (browser = await startBrowser()));
  afterAll(() => browser.close());

  beforeEach(async () => {
    worker = await fakeWorker(answersOf({ rows: 8, text: hostile, now: Date.now() }));
    complaints = [];
    context = await browser.newContext({ timezoneId: "America/Los_Angeles" });
    page = await context.newPage();
    watch(page, worker.url, complaints);
  });
  afterEach(async () => {
    if (await page.evaluate("window.hacked")) complaints.push("hostile text was run");
    await context.close();
    await worker.close();
    if (complaints.length > 0) throw new Error(complaints.join("\n"));
  });

  const signIn = (path = "/", as: Person = people.operator) => signInAt(page, worker.url + path, as);

  const jobs = (ids: readonly number[]) => {
    const all = answersOf({ rows: 40, text: "shop", now: Date.now() })["GET /v1/jobs"] as { jobs: { id: string }[] };
    return { jobs: ids.flatMap((id) => all.jobs[id] ?? []), cursor: null };
  };

  test("focus and selected text stay with their job while rows come in above, ten times over", async () => {
    worker.answers.set("GET /v1/jobs", jobs([20, 21, 22, 23]));
    await signIn("/t/demo/jobs");
    await page.locator(`#job-${idOf(22)} a`).focus();
    await page.evaluate(`getSelection().selectAllChildren(document.querySelector('#job-${idOf(23)} .mono'))`);
    await page.locator(`#job-${idOf(22)} a`).focus();
    const selected = await page.evaluate<string>("String(getSelection())");
    expect(selected).not.toBe("");
    for (let round = 1; round <= 10; round++) {
      worker.answers.set("GET /v1/jobs", jobs([...Array.from({ length: round }, (_, index) => 10 + round - index).filter((id) => id < 20), 20, 21, 22, 23]));
      await refreshed(page);
      expect(await focused(page)).toBe(`job-${idOf(22)}`);
      expect(await page.evaluate("String(getSelection())")).toBe(selected);
    }
    await page.locator("#live", { hasText: "new above" }).waitFor();
    await page.evaluate("document.activeElement.blur(), getSelection().removeAllRanges()");
    await refreshed(page);
    await page.locator(`#job-${idOf(11)}`).waitFor();
  });

  test("what changes is shown without a reload; open folds, dialogs and typed text stay", async () => {
    await signIn(`/t/demo/jobs/${idOf(2)}`);
    await page.evaluate("window.same = true");
    const payload = page.locator("details#payload");
    await payload.locator("summary").first().click();
    expect(await payload.getAttribute("open")).toBeNull();
    await page.getByRole("button", { name: "Cancel" }).click();
    const job = worker.answers.get(`GET /v1/jobs/${idOf(2)}`) as (query: object) => object;
    worker.answers.set(`GET /v1/jobs/${idOf(2)}`, () => ({ ...job({}), state: "running", why: null }));
    await page.locator("h1 .state.moving").waitFor();
    expect(await page.getByRole("dialog").isVisible()).toBe(true);
    await page.keyboard.press("Escape");
    expect(await payload.getAttribute("open")).toBeNull();
    expect(await page.evaluate("window.same")).toBe(true);
    await page.goto(`${worker.url}/t/demo/jobs`);
    await page.keyboard.press("/");
    await page.keyboard.type("order:7");
    await page.waitForResponse((response) => response.request().headers()["accept"] === "text/vnd.jobyard.fragment");
    expect(await page.locator("#q").inputValue()).toBe("order:7");
  });

  test("the last data stay when there is no answer, with the time they are of", async () => {
    await signIn("/t/demo/flow");
    worker.away = true;
    await page.keyboard.press("p");
    await page.locator("#live", { hasText: "paused" }).waitFor();
    await page.keyboard.press("p");
    await page.locator("#live.stale", { hasText: /as of .*trying again/ }).waitFor();
    expect(await page.locator("#queue-events").count()).toBe(1);
    worker.away = false;
    await refreshed(page);
    await page.locator("#live", { hasText: "live" }).waitFor();
  });

  test("a paused page asks for nothing", async () => {
    await signIn("/t/demo/jobs");
    await page.locator("#live").click();
    await page.locator("#live[aria-pressed=true]").waitFor();
    const before = worker.calls.length;
    await page.clock.install();
    await page.clock.fastForward(60_000);
    expect(worker.calls.length).toBe(before);
  });

  test("an action tells what came of it and stays; a refusal says why", async () => {
    worker.answers.set(`POST /v1/jobs/${idOf(2)}/cancel`, () => Response.json({ detail: `The job has ended. ${hostile}` }, { status: 409 }));
    await signIn(`/t/demo/jobs/${idOf(2)}`);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("dialog").getByText("The job has ended. <img").waitFor();
    worker.answers.set(`POST /v1/jobs/${idOf(2)}/cancel`, { id: idOf(2), state: "cancelled", cancelling: false });
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("status").getByText("The job is cancelled.").waitFor();
    expect(await page.getByRole("dialog").isVisible()).toBe(false);
  });

  test("a patch is tried from the plan, and what was typed stays until the replay is sent with it", async () => {
    await signIn("/t/demo/bulk?verb=replay&group=g0", people.admin);
    await page.getByText("Correct the payloads").click();
    await page.locator("#patch").fill('{"siteId": "main"}');
    await page.getByRole("button", { name: "Try the patch" }).click();
    await page.getByText("cannot run with the patch").first().waitFor();
    expect(await page.locator("#patch").inputValue()).toBe('{"siteId": "main"}');
    expect(worker.calls.findLast(({ method }) => method === "POST")?.path).toBe("/v1/replays");
    await page.getByRole("button", { name: "Replay 7" }).click();
    await page.waitForURL("**/replays/r0");
    expect(worker.calls.findLast(({ path, body }) => path === "/v1/replays" && (body as { plan?: boolean }).plan === undefined)?.body).toEqual({
      filter: { group: "g0" },
      canary: 5,
      patch: { siteId: "main" },
    });
  });

  test("the rate of a running replay is changed on its page, and in the list a stopped one is continued", async () => {
    const replay = worker.answers.get("GET /v1/replays/r0") as object;
    worker.answers.set("PATCH /v1/replays/r0", () => {
      worker.answers.set("GET /v1/replays/r0", { ...replay, ratePerMinute: 600 });
      return replay;
    });
    await signIn("/t/demo/replays/r0");
    await page.getByRole("button", { name: "Change the rate" }).click();
    await page.getByRole("dialog").getByRole("spinbutton").fill("600");
    await page.getByRole("dialog").getByRole("button", { name: "Change the rate" }).click();
    await page.getByRole("status").getByText("The rate holds from the next minute on.").waitFor();
    await page.getByText("600 a minute").waitFor();
    expect(worker.calls.findLast(({ method }) => method === "PATCH")?.body).toEqual({ ratePerMinute: 600 });
    worker.answers.set("GET /v1/replays", { replays: [{ ...replay, state: "stopped", open: 0, patched: [] }], cursor: null });
    worker.answers.set("POST /v1/replays/r0/resume", replay);
    await page.keyboard.press("g");
    await page.keyboard.press("r");
    await page.waitForURL("**/t/demo/replays");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Continue" }).click();
    await page.getByRole("status").getByText("The replay continues within a minute.").waitFor();
  });

  test("a job's page keeps the words of its states whole beside a long reason, and reveals to its button alone", async () => {
    const path = `GET /v1/jobs/${idOf(2)}`;
    const job = worker.answers.get(path) as (query: Record<string, string>) => { timeline: object[] };
    const events = ["queued", "discarded", "checkpoint", "cancelled"];
    const timeline = events.map((event) => ({ ...job({}).timeline[0], event, times: 1, detail: "mail: 422 validation_error ".repeat(20) + "x".repeat(200) }));
    worker.answers.set(path, (query: Record<string, string>) => ({ ...job(query), timeline }));
    await signIn(`/t/demo/jobs/${idOf(2)}?reveal=1`, people.admin);
    const lines = `[...document.querySelectorAll("table.words .state")].map((state) => {
      const range = document.createRange();
      range.selectNodeContents(state.lastChild);
      return [state.lastChild.data.trim(), range.getClientRects().length];
    })`;
    expect(await page.evaluate(lines)).toEqual(events.map((event) => [event === "checkpoint" ? "saved once" : event, 1]));
    expect(await page.getByText("ann@example.org").count()).toBe(0);
    await page.getByRole("button", { name: "Reveal personal fields" }).click();
    await page.getByText("ann@example.org").first().waitFor();
    expect(new URL(page.url()).search).toBe("");
    expect(worker.calls.filter(({ query }) => query["reveal"] === "1")).toHaveLength(1);
  });

  test("the tenant is in the address, and a second tab is signed in as well", async () => {
    await signIn("/", people.root);
    expect(new URL(page.url()).pathname).toBe("/t/*/");
    await page.getByLabel("Tenant", { exact: true }).fill("demo");
    await page.getByRole("button", { name: "Go", exact: true }).click();
    await page.waitForURL("**/t/demo/");
    const second = await context.newPage();
    watch(second, worker.url, complaints);
    await second.goto(`${worker.url}/t/demo/jobs`);
    await second.getByRole("table", { name: "Jobs" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").waitFor();
    await second.reload();
    await second.getByLabel("Token").waitFor();
  });

  test("no script reads the token", async () => {
    await signIn();
    expect(await page.evaluate("document.cookie + JSON.stringify(sessionStorage) + JSON.stringify(localStorage)")).toBe("{}{}");
    expect(await page.content()).not.toContain(people.operator.token);
  });

  test("everything can be reached and done by keyboard", async () => {
    worker.answers.set("POST /v1/queues/email-sending/pause", {});
    await page.goto(worker.url);
    await page.locator("input:focus").waitFor();
    await page.keyboard.type(people.operator.token);
    await page.keyboard.press("Enter");
    await page.locator("#live").waitFor();
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to content");
    await page.keyboard.press("g");
    await page.keyboard.press("q");
    await page.waitForURL("**/flow");
    await page.locator("#queue-email-sending").waitFor();
    const isThere = "document.activeElement.closest('#queue-email-sending') && document.activeElement.textContent === 'Pause'";
    for (let stops = 0; stops < 60 && !(await page.evaluate(isThere)); stops++) await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    expect(await page.evaluate(`Boolean(${isThere})`)).toBe(true);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").getByLabel("Reason, shown with the pause").fill("provider migration");
    await page.keyboard.press("Enter");
    await page.getByText("email-sending is paused").waitFor();
    expect(worker.calls.findLast(({ method }) => method === "POST")).toMatchObject({
      path: "/v1/queues/email-sending/pause",
      body: { reason: "provider migration" },
    });
    await page.keyboard.press("g");
    await page.keyboard.press("j");
    await page.waitForURL("**/jobs");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    expect(await focused(page)).toBe(`job-${idOf(1)}`);
    await page.keyboard.press("k");
    expect(await focused(page)).toBe(`job-${idOf(0)}`);
    await page.keyboard.press("x");
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    expect(await page.locator("td.tick input:checked").evaluateAll((ticks) => ticks.map((tick) => (tick as HTMLInputElement).value))).toEqual([
      idOf(0),
      idOf(1),
    ]);
    await refreshed(page);
    expect(await page.locator("td.tick input:checked").count()).toBe(2);
    await page.getByRole("button", { name: "Cancel…" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Cancel 7 jobs?" }).waitFor();
    await page.getByRole("button", { name: "Cancel 7" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL("**/bulk/b0");
    expect(worker.calls.findLast(({ path }) => path === "/v1/jobs/cancel")?.body).toEqual({ ids: [idOf(0), idOf(1)] });
  });
});
