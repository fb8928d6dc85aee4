import type { Page } from "playwright-core";
import type { Person } from "../dashboard/desk";

/** Notes what a page must never do: throw, log an error, ask another address. */
export function watch(page: Page, url: string, complaints: string[]): void {
  page.setDefaultTimeout(60_000);
  page.on("pageerror", (thrown) => complaints.push(thrown.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) complaints.push(`went to ${request.url()}`);
  });
}

/** Opens the page, signs in where it asks for that, and waits until the page is shown. */
export async function signIn(page: Page, url: string, { token }: Person): Promise<void> {
  await page.goto(url);
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator("body[data-live]").waitFor();
}

/** Asks for the page again at once, as its timer would, and waits until it is shown. */
export async function refreshed(page: Page): Promise<void> {
  const answer = page.waitForResponse((response) => response.request().headers()["accept"] === "text/vnd.jobyard.fragment");
  await page.keyboard.press("p");
  await page.keyboard.press("p");
  await (await answer).finished();
  await page.waitForFunction("document.querySelector('#live').textContent.includes('live · now') || document.body.dataset.live === 'away'");
}

/** The id of the row that has the focus, or of the element itself. */
export function focused(page: Page): Promise<string> {
  return page.evaluate<string>("document.activeElement.closest('tr')?.id ?? document.activeElement.id");
}
