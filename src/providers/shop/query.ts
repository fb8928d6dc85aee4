import { localWindow } from "../../time/zone";

/** Parameters of a list, not encoded yet. URLSearchParams encodes brackets, pipes, commas and spaces, as required. */
export type Parameters = Record<string, string>;

export interface ListQuery {
  /** Absent: ids only, and no row is loaded. */
  display?: string;
  afterId: number;
  limit: number;
  /** Range of `date_upd`. */
  window?: { from: number; to: number; timezone: string } | undefined;
}

/** One page by id. A filter by date requires `date=1`. */
export function pageQuery({ display, afterId, limit, window }: ListQuery): Parameters {
  return {
    ...(display === undefined ? {} : { display }),
    "filter[id]": `>[${afterId}]`,
    ...(window ? { "filter[date_upd]": interval(localWindow(window, window.timezone)), date: "1" } : {}),
    sort: "[id_ASC]",
    limit: String(limit),
  };
}

/** `YYYY-MM-DD HH:MM:SS` only: an ISO date is compared as text, and the answer is 200 with an empty list. */
function interval({ from, to }: { from: string; to: string }): string {
  return `[${from},${to}]`;
}

const maxFilter = 1500;

/** The values in as few filters as possible, each within a URL of 2 kB. */
export function orFilters(values: readonly (number | string)[]): string[] {
  const groups: string[][] = [];
  let length = Infinity;
  for (const value of new Set(values.map(String))) {
    const size = encodeURIComponent(`${value}|`).length;
    if (length + size > maxFilter) {
      groups.push([]);
      length = 0;
    }
    groups.at(-1)?.push(value);
    length += size;
  }
  return groups.map((group) => `[${group.join("|")}]`);
}

/** Whether the filter's syntax can express the value: brackets and pipes cannot be escaped, and `1,2` would be an interval. */
export function isSayable(value: number | string): boolean {
  return typeof value === "number" ? Number.isSafeInteger(value) && value > 0 : value !== "" && value.length <= 200 && !/[[\]|,\p{Cc}]/u.test(value);
}
