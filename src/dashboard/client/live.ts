import { morph } from "./morph";
import { relative, writeTimes } from "./times";

/** Milliseconds between two refreshes: while something on the page changes, and otherwise. */
const paces: Readonly<Record<string, number>> = { quick: 2000, calm: 10_000 };
const staleMs = 30_000;
const timeoutMs = 15_000;

/** State of the page: paused or not, age, and time of the next refresh. */
const live = { paused: false, freshAt: Date.now(), etag: "", trouble: "", newer: 0, asking: false, timer: 0 };

export function startLive(): void {
  document.addEventListener("visibilitychange", () => void (document.hidden ? clearTimeout(live.timer) : refresh()));
  button()?.addEventListener("click", toggle);
  setInterval(showState, 1000);
  showState();
  plan();
}

/** Pauses the refreshing of the page, or resumes it at once. */
export function toggle(): void {
  live.paused = !live.paused;
  if (live.paused) clearTimeout(live.timer);
  else void refresh();
  showState();
}

/** Fetches this page again and shows the changes. Without an answer the page stays as it is. */
export async function refresh(): Promise<void> {
  if (live.asking || pace() === undefined) return;
  live.asking = true;
  try {
    await take(await fetch(location.href, { headers: headers(), signal: AbortSignal.timeout(timeoutMs) }));
  } catch {
    live.trouble = "no answer, trying again";
  }
  live.asking = false;
  showState();
  plan();
}

async function take(response: Response): Promise<void> {
  if (response.status === 401) return location.reload();
  if (response.status === 304) return fresh();
  const text = await response.text();
  if (response.ok) return render(response, text);
  live.trouble = text.length < 200 ? text : "trying again";
}

function render(response: Response, text: string): void {
  const current = main();
  if (!current) return;
  live.newer = morph(current, text);
  // Rows that were held back are fetched again.
  live.etag = live.newer > 0 ? "" : (response.headers.get("etag") ?? "");
  const title = response.headers.get("x-title");
  const [, ...rest] = document.title.split(" · ");
  if (title) document.title = [decodeURIComponent(title), ...rest].join(" · ");
  fresh();
}

function fresh(): void {
  live.freshAt = Date.now();
  live.trouble = "";
  writeTimes();
  showState();
}

function plan(): void {
  clearTimeout(live.timer);
  const wait = pace();
  if (!live.paused && !document.hidden && wait !== undefined) live.timer = setTimeout(() => void refresh(), wait) as unknown as number;
}

/** Shows in the header whether the page refreshes, how old it is, or why it does not refresh. */
function showState(): void {
  writeTimes();
  const current = button();
  if (!current) return;
  current.hidden = pace() === undefined;
  const age = Date.now() - live.freshAt;
  const text = ageText(age);
  if (current.textContent !== text) current.textContent = text;
  current.className = live.trouble || (age > staleMs && !live.paused) ? "quiet stale" : "quiet";
  current.setAttribute("aria-pressed", String(live.paused));
  document.body.dataset["live"] = live.paused ? "paused" : live.trouble ? "away" : "on";
}

function ageText(age: number): string {
  if (live.trouble) return `as of ${new Date(live.freshAt).toLocaleTimeString()}: ${live.trouble}`;
  if (live.paused) return `▶ paused · ${relative(-age)}`;
  return `‖ live · ${relative(-age)}${live.newer > 0 ? ` · ${live.newer} new above` : ""}`;
}

const main = () => document.querySelector<HTMLElement>("main");
const button = () => document.querySelector<HTMLButtonElement>("#live");
const pace = () => paces[main()?.dataset["pace"] ?? ""];
const headers = () => ({ accept: "text/vnd.jobyard.fragment", ...(live.etag === "" ? {} : { "if-none-match": live.etag }) });
