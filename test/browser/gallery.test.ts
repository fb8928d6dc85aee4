import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Api, expectOk } from "../way/support/api.ts";
import { startWay, type Way } from "../way/support/harness.ts";
import { noBrowser, startBrowser } from "./browser.ts";

describe.skipIf(noBrowser)(`the gallery of pictures${noBrowser ? ` (skipped: ${noBrowser})` : ""}`, () => {
  let way: Way;
  let demo: Api;
  let token: string;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    [way, browser] = await Promise.all([startWay(), startBrowser()]);
    demo = await way.tenant("demo");
    token = (await expectOk(way.api.ask("POST", "/v1/tenants/demo/tokens", { body: { name: "page", scopes: ["admin"] } }))).body.token;
    const models = { provider: "openai", baseUrl: `${way.sandbox.url}/models/v1`, apiKey: "sk-sandbox", model: "sandbox-1" };
    await expectOk(demo.ask("PUT", "/v1/connections/models", { body: models }));
    page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(60_000);
    page.on("pageerror", (thrown) => complaints.push(thrown.message));
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
    });
    await page.goto(`${way.url}/demo/pictures`);
    await page.getByLabel(/^Token/).fill(token);
  });
  afterAll(async () => {
    await browser?.close();
    await way?.close();
  });

  async function upload(name: string, buffer: Buffer): Promise<void> {
    await page.getByLabel("Picture", { exact: true }).setInputFiles({ name, mimeType: "image/jpeg", buffer });
    await page.getByRole("button", { name: "Upload" }).click();
  }

  const item = (name: string) => page.getByRole("listitem").filter({ has: page.getByRole("heading", { name }) });

  test("shows an upload with its variants and its text, takes a text by hand, and removes it", async () => {
    // On its side, as a camera stores what was taken upright.
    const photo = sharp({ create: { width: 600, height: 400, channels: 3, background: "#2a7" } });
    await upload("čaj & <b>.jpg", await photo.jpeg().withMetadata({ orientation: 6 }).toBuffer());
    const shown = item("gallery/čaj & <b>.jpg");
    await shown.getByText("400 × 600, webp").waitFor();
    await shown.getByLabel("Alt text, by a model").waitFor();
    await expect.poll(() => shown.getByRole("img", { name: "Sandbox." }).count()).toBe(2);
    const sizes = await shown
      .getByRole("img")
      .evaluateAll((images) => (images as HTMLImageElement[]).map(({ naturalWidth, naturalHeight }) => [naturalWidth, naturalHeight]));
    expect(sizes).toEqual(
      expect.arrayContaining([
        [213, 320],
        [400, 600],
      ]),
    );
    await shown.getByLabel(/^Alt text/).fill("A green wall");
    await shown.getByRole("button", { name: "Save text" }).click();
    await page.getByRole("status").getByText("Saved.").waitFor();
    await shown.getByLabel("Alt text, by hand").waitFor();
    await shown.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("status").getByText("Removed.").waitFor();
    await shown.waitFor({ state: "detached" });
    expect((await demo.get("/v1/media")).body.media).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("says why a file is refused, and what is wrong with a picture that cannot be read", async () => {
    await upload("page.jpg", Buffer.from("<html>"));
    await page.getByRole("status").getByText("by its first bytes this is text such as SVG or HTML").waitFor();
    const whole = await sharp({ create: { width: 600, height: 400, channels: 3, background: "#2a7" } })
      .jpeg()
      .toBuffer();
    await upload("cut.jpg", whole.subarray(0, 900));
    await item("gallery/cut.jpg").getByText("the jpeg is broken or cut off").waitFor();
    expect(complaints).toEqual([]);
  });
});
