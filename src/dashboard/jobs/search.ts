import { dayMs, hourMs, minuteMs } from "../../time/day";

const names = ["q", "type", "state", "siteId", "parent", "queue", "from", "to"] as const;

/** The filters of a list of jobs, as in the address. */
export type Search = { [Name in (typeof names)[number]]?: string };

/** Words of the search box that name a filter. */
const words: Readonly<Record<string, keyof Search>> = {
  type: "type",
  state: "state",
  site: "siteId",
  parent: "parent",
  queue: "queue",
  from: "from",
  to: "to",
};

/**
 * Reads the address: `q` may hold filters beside what is searched for, as in `type:email state:dead site:shop-1 "host not found"`.
 * A filter in the text has precedence over its parameter. Other words with a colon are entity keys, and searched for.
 */
export function searchFrom(parameters: URLSearchParams): Search {
  const search: Search = {};
  for (const name of names) if (name !== "q") set(search, name, parameters.get(name));
  const left: string[] = [];
  for (const word of wordsOf((parameters.get("q") ?? "").slice(0, maxText))) {
    const [name = "", value = ""] = word.split(":", 2);
    const filter = Object.hasOwn(words, name.toLowerCase()) && value ? words[name.toLowerCase()] : undefined;
    if (filter) set(search, filter, word.slice(name.length + 1));
    else left.push(word);
  }
  set(search, "q", left.join(" "));
  return search;
}

/** Splits into words; a part in quotes is one word. */
function wordsOf(text: string): string[] {
  return text.split('"').flatMap((part, index) => (index % 2 === 1 ? [part] : part.split(/\s/).filter(Boolean)));
}

const maxText = 500;

function set(search: Search, name: keyof Search, value: string | null): void {
  const text = value?.trim();
  if (text) search[name] = name === "from" || name === "to" ? timeFrom(text) : text;
}

/** `2026-11-26` and `2026-11-26T02:30` are UTC; `90m`, `6h`, `2d` are kept for the time of the query. */
function timeFrom(text: string): string {
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return `${text}T00:00:00Z`;
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text) ? `${text}:00Z` : text;
}

/** A time as the API takes it: `6h` is six hours before now. */
export function timeAt(text: string | undefined, now: number): string | undefined {
  const [, count, unit = ""] = /^(\d{1,4})([mhd])$/.exec(text ?? "") ?? [];
  if (count === undefined) return text;
  const length = { m: minuteMs, h: hourMs, d: dayMs }[unit] ?? 0;
  return new Date(now - Number(count) * length).toISOString();
}

/** The address of a list with some filters changed; undefined removes a filter. */
export function searchAddress(base: string, search: Search, changes: Partial<Record<keyof Search | "cursor", string | undefined>> = {}): string {
  const entries = Object.entries({ ...search, ...changes }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return entries.length === 0 ? `${base}/jobs` : `${base}/jobs?${new URLSearchParams(entries)}`;
}
