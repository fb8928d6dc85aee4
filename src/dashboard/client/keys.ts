import { toggle } from "./live";

/** Shortcuts: `p` pauses, `/` searches, `g` and a letter go to a page, `j` and `k` move in a list, `x` ticks the row. None works while a text field has the focus. */
export function startKeys(): void {
  let isGoing = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const went = isGoing && goTo(event.key);
    isGoing = event.key === "g" && !went;
    if (went || act(event.key)) event.preventDefault();
  });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]), textarea, select, dialog[open] *");
}

function goTo(key: string): boolean {
  const link = document.querySelector<HTMLAnchorElement>(`#nav a[data-key="${CSS.escape(key)}"]`);
  link?.click();
  return link !== null;
}

function act(key: string): boolean {
  if (key === "p") toggle();
  else if (key === "/") search();
  else if (key === "x") tick();
  else if (key === "j" || key === "k") step(key === "j" ? 1 : -1);
  else return false;
  return true;
}

function search(): void {
  const field = document.querySelector<HTMLInputElement>("#q");
  if (field) field.select();
  else goTo("j");
}

function tick(): void {
  document.activeElement?.closest("tr")?.querySelector<HTMLInputElement>("input[type=checkbox]")?.click();
}

/** Moves the focus to the first link of the next row, or of the row before. */
function step(by: number): void {
  const links = [...document.querySelectorAll("main tbody tr")].flatMap((row) => row.querySelector<HTMLElement>("a[href]") ?? []);
  const here = links.findIndex((link) => link.closest("tr")?.contains(document.activeElement));
  links[Math.min(links.length - 1, Math.max(0, here + by))]?.focus();
}
