import { finder } from "../../fold";
import { siteRows, type SiteScope } from "./scope";

export interface ListPage<Item> {
  items: Item[];
  /** The position after which the next page begins; null at the end. */
  next: number | null;
}

/** A table of a site that is listed by one of its keys. */
interface Listed {
  name: "shop_orders" | "shop_products" | "shop_rows";
  /** The number column by which it is indexed after tenant and site. */
  position: string;
  columns: string;
  /** SQL condition of a row; `?5` to `?9` are the filters. */
  fits: string;
  /** Text columns that `q` searches. */
  texts: readonly string[];
}

/** The request of one page. */
interface ListRequest {
  /** The page begins after this position. */
  start: number;
  limit: number;
  /** Up to five. Null: not filtered. */
  filters: readonly (string | number | null)[];
  /** A text that one of the text columns contains, in any case. */
  q?: string | undefined;
}

/** Rows examined for one page: a filter may leave few of them, with a position to continue from. */
const maxExamined = 2000;

/** One page by position. A page without matching rows may still have a `next`. */
export async function readListPage<Row extends object, Item>(
  scope: SiteScope,
  { name, position, columns, fits, texts }: Listed,
  { start, limit, filters, q }: ListRequest,
  view: (rows: readonly Row[]) => Promise<Item[]>,
): Promise<ListPage<Item>> {
  const behind = `FROM ${name} WHERE tenant = ?1 AND site = ?2 AND ${position} > ?3`;
  const last = await lastExamined(scope, `SELECT ${position} AS position ${behind} ORDER BY ${position} LIMIT 1 OFFSET ${maxExamined - 1}`, {
    start,
    filters,
    q,
  });
  const select = (what: string) => `SELECT ${position} AS position, ${what} ${behind} AND ${position} <= ?4 AND ${fits} ORDER BY ${position} LIMIT ?10`;
  const values = [start, last ?? Number.MAX_SAFE_INTEGER, ...Object.assign(Array<null>(5).fill(null), filters)];
  const rows =
    q === undefined
      ? await siteRows<Row & { position: number }>(scope, select(columns), ...values, limit + 1)
      : await rowsAt<Row & { position: number }>(
          scope,
          { name, position, columns },
          (await matching(scope, texts, select(texts.join(", ")), values, q)).slice(0, limit + 1),
        );
  const kept = rows.slice(0, limit);
  return { items: await view(kept), next: rows.length > limit ? (kept.at(-1)?.position ?? null) : last };
}

/** Positions of the first rows that contain the text. Compared here, since SQLite ignores case for ASCII only. */
async function matching(scope: SiteScope, texts: readonly string[], sql: string, values: readonly (string | number | null)[], q: string): Promise<number[]> {
  const holds = finder(q);
  const rows = await siteRows<{ position: number; [text: string]: unknown }>(scope, sql, ...values, maxExamined);
  return rows.filter((row) => texts.some((name) => holds(String(row[name] ?? "")))).map(({ position }) => position);
}

function rowsAt<Row>(
  scope: SiteScope,
  { name, position, columns }: Pick<Listed, "name" | "position" | "columns">,
  positions: readonly number[],
): Promise<Row[]> {
  const sql = `
    SELECT ${position} AS position, ${columns} FROM ${name}
    WHERE tenant = ?1 AND site = ?2 AND ${position} IN (SELECT value FROM json_each(?3)) ORDER BY ${position}`;
  return siteRows<Row>(scope, sql, JSON.stringify(positions));
}

/** Without filters every row matches, and the page itself is the bound. */
async function lastExamined(scope: SiteScope, sql: string, { start, filters, q }: Omit<ListRequest, "limit">): Promise<number | null> {
  if (q === undefined && filters.every((filter) => filter === null)) return null;
  return (await siteRows<{ position: number }>(scope, sql, start))[0]?.position ?? null;
}
