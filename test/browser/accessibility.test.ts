import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { answersOf, hostile, idOf } from "../dashboard/answers";
import { people } from "../dashboard/desk";
import { noBrowser, startBrowser } from "./browser";
import { type FakeWorker, fakeWorker } from "./fake-api";
import { signIn, watch } from "./visit";

const shown = [
  "/",
  "/jobs",
  `/jobs/${idOf(2)}`,
  "/bulk?verb=cancel&type=email",
  "/bulk/b0",
  "/failures",
  "/failures/g0",
  "/replays",
  "/replays/r0",
  "/flow",
  "/flow/email-sending",
  "/schedules",
  "/sites",
  "/sites/shop-0",
  "/campaigns",
  "/campaigns/c1",
  "/agents",
  "/agents/run-0",
  "/workers",
  "/costs",
  "/alerts",
  "/settings",
  "/system",
];

const forAll = ["/t/*/", "/t/*/failures", "/t/*/replays", "/t/*/flow", "/t/*/flow/email-sending", "/t/*/workers", "/t/*/costs", "/t/*/tenants", "/t/*/system"];

/** In the dark only colours differ. */
const rules = {
  light: "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']",
  dark: "{ type: 'rule', values: ['color-contrast', 'link-in-text-block'] }",
};

describe.skipIf(noBrowser)(`every page of the operators${noBrowser ? ` (skipped: ${noBrowser})` : ""}`, () => {
  let browser: Browser;
  let worker: FakeWorker;
  let page: Page;
  const complaints: string[] = [];

  // One visitor walks through all pages, and each page is loaded once: that takes longer than most of its rules.
  beforeAll(async () => {
    [browser, worker] = await Promise.all([startBrowser(), fakeWorker(answersOf({ rows: 8, text: hostile, now: Date.now() }))]);
    page = await browser.newPage();
    watch(page, worker.url, complaints);
    await signIn(page, worker.url, people.root);
  });
  beforeEach(async () => {
    complaints.length = 0;
    await page.setViewportSize({ width: 1280, height: 720 });
  });
  afterAll(async () => {
    await browser?.close();
    await worker?.close();
  });

  const axeFinds = async (colorScheme: "light" | "dark") => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const { violations } = await page.evaluate<axe.AxeResults>(`axe.run(document, { runOnly: ${rules[colorScheme]}, resultTypes: ["violations"] })`);
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`);
  };

  test.each([...shown.map((path) => `/t/demo${path}`), ...forAll])(
    "%s breaks no accessibility rule of axe, light or dark, fits a phone and runs no hostile text",
    async (path) => {
      await page.goto(worker.url + path);
      await page.locator("body[data-live]").waitFor();
      // Injected past the policy, which forbids scripts of others.
      await page.evaluate(axe.source);
      expect({ light: await axeFinds("light"), dark: await axeFinds("dark") }).toEqual({ light: [], dark: [] });
      await page.setViewportSize({ width: 360, height: 740 });
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);
      const sideways = "[...document.querySelectorAll('.scroll')].filter((each) => each.scrollWidth > each.clientWidth + 1).map((each) => each.ariaLabel)";
      expect(await page.evaluate(sideways)).toEqual([]);
      expect([await page.evaluate("window.hacked"), complaints]).toEqual([undefined, []]);
    },
  );
});
