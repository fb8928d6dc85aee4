import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Api, expectOk } from "../way/support/api.ts";
import { startWay, type Way } from "../way/support/harness.ts";
import { untilJob } from "../way/support/until.ts";
import { noBrowser, startBrowser } from "./browser.ts";

describe.skipIf(noBrowser)(`the form for trying${noBrowser ? ` (skipped: ${noBrowser})` : ""}`, () => {
  let way: Way;
  let demo: Api;
  let token: string;
  let browser: Browser;
  let complaints: string[];

  beforeAll(async () => {
    [way, browser] = await Promise.all([startWay(), startBrowser()]);
    demo = await way.tenant("demo");
    token = (await expectOk(way.api.ask("POST", "/v1/tenants/demo/tokens", { body: { name: "page", scopes: ["admin"] } }))).body.token;
    await setProject({});
  });
  afterAll(async () => {
    await browser?.close();
    await way?.close();
  });

  const setProject = (more: object) =>
    expectOk(demo.ask("PUT", "/v1/projects/demo", { body: { domains: ["localhost", "127.0.0.1"], country: "DE", ...more } }));
  const found = async (email: string) => (await demo.get(`/v1/leads?q=${email}`)).body.leads;

  async function open(options: BrowserContextOptions = {}): Promise<Page> {
    const page = await (await browser.newContext(options)).newPage();
    page.setDefaultTimeout(60_000);
    complaints = [];
    page.on("pageerror", (thrown) => complaints.push(thrown.message));
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
    });
    await page.goto(`${way.url}/demo/lead`);
    return page;
  }

  async function fill(page: Page, email: string): Promise<void> {
    await page.getByLabel("Name").fill("Ada Lovelace");
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Your question").fill("Is the garden <b>included</b>?");
  }

  const send = (page: Page) => page.getByRole("button", { name: "Send" });

  test("a wrong address is refused in words that name the field; a right one is thanked for and can be followed to its job", async () => {
    const page = await open();
    await fill(page, "ada@nowhere");
    await send(page).click();
    await page.getByRole("status").getByText("E-mail must be an e-mail address").waitFor();
    expect(await page.evaluate("document.activeElement.name")).toBe("EMAIL");
    await page.getByLabel("E-mail").fill("ada@form.example");
    await send(page).click();
    await page.getByRole("heading", { name: "Thank you" }).waitFor();
    const link = page.getByRole("status").getByRole("link");
    const id = await link.innerText();
    expect(await untilJob(demo, id, "done")).toMatchObject({ type: "lead", result: { lead: id, follow: "new" } });
    await link.click();
    await page.getByLabel("Token", { exact: true }).fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { level: 1, name: /lead/ }).waitFor();
    expect(page.url()).toContain(id);
    expect(await page.locator("main").innerText()).not.toContain("ada@form.example");
    expect(complaints).toEqual([]);
  });

  test("pressed twice it is one submission, and it fits a phone in the dark", async () => {
    const page = await open({ viewport: { width: 360, height: 740 }, colorScheme: "dark" });
    await fill(page, "twice@form.example");
    await page.evaluate("document.forms[0].requestSubmit(), document.forms[0].requestSubmit()");
    await page.getByRole("heading", { name: "Thank you" }).waitFor();
    await untilJob(demo, await page.getByRole("status").getByRole("link").innerText(), "done");
    expect(await found("twice@form.example")).toMatchObject([{ submissions: 1 }]);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
    expect(complaints).toEqual([]);
  });

  test("without a script a wrong address gets a page that names the field and leaves the form as it was; a right one goes on to the thank-you page", async () => {
    await setProject({ thankYouUrl: `${way.url}/demo/lead?thanks` });
    const page = await open({ javaScriptEnabled: false });
    await fill(page, "ada@nowhere");
    await send(page).click();
    await page.getByRole("heading", { name: "This could not be sent" }).waitFor();
    expect(await page.getByRole("listitem").innerText()).toMatch(/^email must be an e-mail address/);
    await page.goBack();
    expect(await page.getByLabel("Your question").inputValue()).toBe("Is the garden <b>included</b>?");
    await page.getByLabel("E-mail").fill("plain@form.example");
    await send(page).click();
    await page.waitForURL(/\?thanks$/);
    await expect.poll(async () => (await found("plain@form.example")).length).toBe(1);
  });
});
