import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";

/** Why browser tests cannot run here; undefined when they can. With CI=true a missing browser is a failure, not a reason to skip. */
export const noBrowser = existsSync(executablePath) || process.env["CI"] === "true" ? undefined : "no Chromium (set CHROMIUM_PATH)";

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    // Without a graphics card Chromium computes as one would: a sixth of the processor's time of a test.
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}
