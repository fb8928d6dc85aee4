import { statement } from "../../d1";
import { dayMs } from "../../time/day";

/** Days that a fact is kept after it happened, unless the tenant sets `retention.facts`; a smaller setting counts as the minimum. */
export const factDays = 365;
const minFactDays = 5;
/** Longer than the longest delay of a follow-up, which reads the answer. */
const answerDays = 400;

const pageSize = 1000;
/** The position of a walk; empty at the beginning. */
interface Mark {
  read(): Promise<string>;
  write(position: string): Promise<void>;
}

/** A table, its primary key, and the condition for rows that are too old. */
interface Walk {
  table: string;
  key: readonly string[];
  gone: string;
}

// ?1 is now. Answers are read from `answers`, so a row of `follow_ups` is needed only while there is a job to cancel.
const walks: readonly Walk[] = [
  {
    table: "facts",
    key: ["tenant", "entity", "at", "event"],
    gone: `at < ?1 - ${dayMs} * (SELECT max(${minFactDays}, coalesce(max(t.settings ->> '$.retention.facts'), ${factDays})) FROM tenants t WHERE t.tenant = facts.tenant)`,
  },
  {
    table: "follow_ups",
    key: ["tenant", "entity", "job"],
    gone: `?1 > 0 AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant = follow_ups.tenant AND j.id = follow_ups.job AND j.ended IS NULL)`,
  },
  { table: "answers", key: ["tenant", "entity"], gone: `at < ?1 - ${answerDays * dayMs}` },
];

/** Deletes old rows that events left, one page of each table a call, over all tenants in rotation. Returns how many rows. */
export async function removeOldEventRows(db: D1Database, markOf: (walk: string) => Mark, now: number): Promise<number> {
  let removed = 0;
  for (const walk of walks) removed += await takePage(db, walk, markOf(walk.table), now);
  return removed;
}

async function takePage(db: D1Database, { table, key, gone }: Walk, mark: Mark, now: number): Promise<number> {
  const position = await mark.read();
  const from = position === "" ? key.map(() => "") : (JSON.parse(position) as (string | number)[]);
  const columns = key.join(", ");
  const places = (first: number) => `(${key.map((_, index) => `?${first + index}`).join(", ")})`;
  const endSql = `SELECT ${columns} FROM ${table} WHERE (${columns}) > ${places(1)} ORDER BY ${columns} LIMIT 1 OFFSET ${pageSize - 1}`;
  const end = await statement(db, endSql, ...from).first<Record<string, string | number>>();
  const to = end === null ? [] : key.map((column) => end[column] ?? "");
  const until = end === null ? "" : `AND (${columns}) <= ${places(2 + key.length)}`;
  const dropSql = `DELETE FROM ${table} WHERE (${columns}) > ${places(2)} ${until} AND ${gone}`;
  const { meta } = await statement(db, dropSql, now, ...from, ...to).run();
  const next = end === null ? "" : JSON.stringify(to);
  if (next !== position) await mark.write(next);
  return meta.changes;
}
