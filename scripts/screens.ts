// npm run pictures: photographs the operators' pages into docs/pictures, light and dark, desktop and phone. Needs Chromium (CHROMIUM_PATH); no network.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser } from "playwright-core";
import { rolldown } from "rolldown";
import sharp from "sharp";

const root = resolve(import.meta.dirname, "..");
const target = join(root, "docs", "pictures");

const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 780 };

/** The pages and the canned interface under them, as one module that Node can load. */
async function loaded(folder: string): Promise<typeof import("./screens/stage.ts")> {
  const bundle = await rolldown({ input: join(root, "scripts/screens/stage.ts"), platform: "node", cwd: root, tsconfig: join(root, "tsconfig.json") });
  await bundle.write({ file: join(folder, "pages.mjs"), format: "es" });
  return import(pathToFileURL(join(folder, "pages.mjs")).href) as Promise<typeof import("./screens/stage.ts")>;
}

interface Shot {
  name: string;
  path: string;
  colorScheme: "light" | "dark";
  viewport: { width: number; height: number };
}

async function photograph(browser: Browser, url: string, { name, path, colorScheme, viewport }: Shot): Promise<void> {
  const context = await browser.newContext({ viewport, colorScheme, timezoneId: "UTC", reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.goto(`${url}/t/demo${path}`);
  await page.getByLabel("Token").fill("jy_admin");
  await page.keyboard.press("Enter");
  // On a page that never refreshes itself the live button stays hidden.
  await page.locator("body[data-live]").waitFor();
  const png = await page.screenshot();
  await context.close();
  const small = await sharp(png).png({ palette: true, colours: 64, compressionLevel: 9, effort: 10 }).toBuffer();
  writeFileSync(join(target, `${name}.png`), small);
  console.log(`${name}.png ${Math.ceil(small.length / 1024)} kB`);
}

const folder = mkdtempSync(join(tmpdir(), "jobyard-pictures-"));
const { fakeWorker, story, storyJob } = await loaded(folder);
const pages = {
  now: "/",
  jobs: "/jobs",
  job: `/jobs/${storyJob}`,
  failures: "/failures",
  replays: "/replays",
  plan: "/bulk?verb=replay&group=g0",
  flow: "/flow",
  queue: "/flow/email-sending",
  schedules: "/schedules",
  costs: "/costs",
  alerts: "/alerts",
};
const worker = await fakeWorker(story(Date.now()));
const browser = await chromium.launch({ executablePath: process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const [name, path] of Object.entries(pages))
      await photograph(browser, worker.url, { name: `${name}-${colorScheme}`, path, colorScheme, viewport: desktop });
    await photograph(browser, worker.url, { name: `phone-${colorScheme}`, path: "/", colorScheme, viewport: phone });
  }
} finally {
  await browser.close();
  await worker.close();
  rmSync(folder, { recursive: true });
}
