/** A bound value may have 2,000,000 bytes; lists are cut below that. */
const maxList = 1_800_000;

/** One statement. */
export function statement(db: D1Database, sql: string, ...values: (string | number | null)[]): D1PreparedStatement {
  return db.prepare(sql).bind(...values);
}

/** Runs one statement; returns how many rows it changed. */
export async function changes(db: D1Database, sql: string, ...values: (string | number | null)[]): Promise<number> {
  return (await statement(db, sql, ...values).run()).meta.changes;
}

/** The running rows of a table: each tenant's oldest, tenants after ?2 first, then each one's second, and so on; at most ?1. The table is read whole. */
export function runningByTenantSql(table: "bulk_actions" | "replays"): string {
  return `
    SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY tenant ORDER BY at, id) AS round FROM ${table} WHERE state = 'running')
    ORDER BY round, tenant <= ?2, tenant LIMIT ?1`;
}

/** Items as JSON lists, each short enough to be bound as one value. */
export function lists(items: readonly unknown[]): string[] {
  return listsOf(items.map((item) => JSON.stringify(item)));
}

/** As `lists`, of items that are JSON already. A UTF-16 unit is at most three bytes. */
export function listsOf(items: readonly string[]): string[] {
  const parts: string[][] = [];
  let room = 0;
  for (const item of items) {
    const bytes = item.length * 3 + 1;
    if (bytes > room) {
      parts.push([]);
      room = maxList;
    }
    parts.at(-1)?.push(item);
    room -= bytes;
  }
  return parts.map((part) => `[${part.join(",")}]`);
}

/** [tenant, id] of each, as JSON lists. */
export function refLists(refs: readonly { tenant: string; id: string }[]): string[] {
  return lists(refs.map(({ tenant, id }) => [tenant, id]));
}

/** Bytes of the database, from the answer to any statement; null: D1 does not report them. */
export function sizeAfter(result: Pick<D1Result, "meta"> | undefined): number | null {
  return result?.meta.size_after ?? null;
}

/** Bytes of the database; null: D1 does not report them. */
export async function databaseBytes(db: D1Database): Promise<number | null> {
  return sizeAfter(await db.prepare("SELECT 1").run());
}

/** Messages of D1 that stand for a passing condition, by its documentation on retrying queries. */
const passing = /Network connection lost|storage caused object to be reset|reset because its code was updated/;

/** What the rows are used up for. */
export type DayLimit = "read" | "write";

/** How D1 refuses an account on the free plan until midnight UTC: its changelog of 1 September 2026. */
const dayLimit = /D1's free tier daily row (read|write) limit/;

/** The limit of a day that an error of D1 names; undefined when it names none. */
export function dayLimitIn(message: string): DayLimit | undefined {
  return dayLimit.exec(message)?.[1] as DayLimit | undefined;
}

/** Whether D1 may have done what it did not answer. */
export function mayBeDone(thrown: unknown): boolean {
  return thrown instanceof Error && passing.test(thrown.message);
}

/** Runs statements as one transaction, once more after an error that D1 marks as passing: they must change nothing when they are repeated. */
export async function batch(db: D1Database, statements: D1PreparedStatement[]): Promise<D1Result<Record<string, unknown>>[]> {
  try {
    return await db.batch<Record<string, unknown>>(statements);
  } catch (thrown) {
    if (!mayBeDone(thrown)) throw thrown;
    return db.batch<Record<string, unknown>>(statements);
  }
}

/** Rows of the nth result. */
export function rowsOf<Row>(results: readonly D1Result<Record<string, unknown>>[], index: number): Row[] {
  return (results[index]?.results ?? []) as Row[];
}

/** Whether the database answers. Rejects when it does not. */
export async function ping(db: D1Database): Promise<void> {
  await db.prepare("SELECT 1").first();
}
