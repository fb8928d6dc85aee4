import { rowsOf, type Scope } from "./scope";

export interface ListPage<Item> {
  items: Item[];
  /** What to go on from; null at the end. */
  next: number | null;
}

/** A table of a site that is listed by one of its keys. */
export interface Listed {
  name: "shop_orders" | "shop_products" | "shop_rows";
  /** A number by which it has an index behind tenant and site. */
  position: string;
  columns: string;
  /** SQL: which rows are wanted; `?5` to `?9` are the filters. */
  fits: string;
}

export interface Wanted {
  /** Positions after this. */
  start: number;
  limit: number;
  /** Up to five. Null: no such filter. */
  filters: readonly (string | number | null)[];
}

/** Rows looked at for one page: a filter may leave few of them, with a position to go on from. */
const mostExamined = 2000;

/** One page in the order of its position. Without a fitting row there may still be a `next`. */
export async function page<Row extends object, Item>(
  scope: Scope,
  { name, position, columns, fits }: Listed,
  { start, limit, filters }: Wanted,
  view: (rows: readonly Row[]) => Promise<Item[]>,
): Promise<ListPage<Item>> {
  const behind = `FROM ${name} WHERE tenant = ?1 AND site = ?2 AND ${position} > ?3`;
  const last = await lastExamined(scope, `SELECT ${position} AS position ${behind} ORDER BY ${position} LIMIT 1 OFFSET ${mostExamined - 1}`, {
    start,
    filters,
  });
  const sql = `SELECT ${position} AS position, ${columns} ${behind} AND ${position} <= ?4 AND ${fits} ORDER BY ${position} LIMIT ?10`;
  const values = Object.assign(Array<null>(5).fill(null), filters);
  const found = await rowsOf<Row & { position: number }>(scope, sql, start, last ?? Number.MAX_SAFE_INTEGER, ...values, limit + 1);
  const kept = found.slice(0, limit);
  return { items: await view(kept), next: found.length > limit ? (kept.at(-1)?.position ?? null) : last };
}

/** Without filters every row fits, and the page itself is the bound. */
async function lastExamined(scope: Scope, sql: string, { start, filters }: Omit<Wanted, "limit">): Promise<number | null> {
  if (filters.every((filter) => filter === null)) return null;
  return (await rowsOf<{ position: number }>(scope, sql, start))[0]?.position ?? null;
}
