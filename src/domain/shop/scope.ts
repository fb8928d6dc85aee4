/** One shop's part of the database. */
export interface Scope {
  db: D1Database;
  tenant: string;
  site: string;
}

/** A statement whose first two parameters are tenant and site. */
export function statement({ db, tenant, site }: Scope, sql: string, ...values: (string | number | null)[]): D1PreparedStatement {
  return db.prepare(sql).bind(tenant, site, ...values);
}

/** A bound value may have 2,000,000 bytes. */
const longestList = 1_800_000;

/** Items as JSON lists, each short enough to be bound as one value; none for no items. A UTF-16 unit is at most three bytes. */
export function lists(items: readonly unknown[]): string[] {
  const parts: string[][] = [];
  let room = 0;
  for (const item of items) {
    const text = JSON.stringify(item);
    const bytes = text.length * 3 + 1;
    if (bytes > room) {
      parts.push([]);
      room = longestList;
    }
    parts.at(-1)?.push(text);
    room -= bytes;
  }
  return parts.map((part) => `[${part.join(",")}]`);
}

/** The statement once for each list of the items, which is its third parameter. */
export function each(scope: Scope, sql: string, items: readonly unknown[], ...values: (string | number | null)[]): D1PreparedStatement[] {
  return lists(items).map((list) => statement(scope, sql, list, ...values));
}

/** All rows of a statement with one list. */
export async function rowsOf<Row>(scope: Scope, sql: string, ...values: (string | number | null)[]): Promise<Row[]> {
  return (await statement(scope, sql, ...values).all<Row>()).results;
}
