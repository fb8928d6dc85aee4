import { statement } from "../d1";
import { isInRange } from "./job-rows";
import { byParent } from "./relatives";
import { textMatcher } from "./text-matcher";
import type { DeadLetterFilter, DeadLetterGroup, DeadLetterView, PageBounds } from "./views";

/** Dead letters a grouping looks at, newest first. */
const maxGrouped = 10_000;
const maxExamined = 2000;

const columns = `d.id, d.type, d.state, d.site AS siteId, d.reason, d.kind AS "group", d.attempt, d.at, d.died AS diedAt`;
/** ?2 and ?3 the place of the letter before, ?4 rows. */
const page = `(d.died, d.id) < (?2, ?3) ORDER BY d.died DESC, d.id DESC LIMIT ?4`;

/** With a queue, ?5, the newest rows are narrowed by their jobs. */
const letters = (hasQueue: boolean) => `
  SELECT ${columns}${hasQueue ? `, (SELECT j.queue = ?5 FROM jobs j WHERE j.tenant = d.tenant AND j.id = d.id) AS isOfQueue` : ""}
  FROM dead_letters d WHERE d.tenant = ?1 AND ${page}`;

/** Among the children of a job, ?5; a queue is ?6. A letter has no column for its parent: each page reads all rows of its children. */
const childLetters = (hasQueue: boolean) => `
  SELECT ${columns}${hasQueue ? ", j.queue = ?6 AS isOfQueue" : ""}
  FROM ${byParent} CROSS JOIN dead_letters d ON d.tenant = j.tenant AND d.died = j.ended AND d.id = j.id
  WHERE j.tenant = ?1 AND j.parent = ?5 AND j.state IN ('dead', 'discarded') AND ${page}`;

const grouped = `
  SELECT kind AS "group", type, reason, count(*) AS count, min(died) AS firstAt, max(died) AS lastAt, group_concat(CASE WHEN place <= 3 THEN id END) AS examples
  FROM (SELECT kind, type, reason, died, id, row_number() OVER (PARTITION BY kind ORDER BY died DESC) AS place
    FROM (SELECT kind, type, reason, died, id FROM dead_letters WHERE tenant = ?1 ORDER BY died DESC LIMIT ?2))
  GROUP BY kind ORDER BY count DESC`;

/** Newest first; looks at a bounded number of rows and returns a cursor when there may be more. */
export async function deadLetters(
  db: D1Database,
  tenant: string,
  filter: DeadLetterFilter,
  { cursor, limit }: PageBounds,
): Promise<{ deadLetters: DeadLetterView[]; cursor: string | null }> {
  const [died, id] = cursorOf(cursor);
  const sql = filter.parent === undefined ? letters : childLetters;
  const narrowing = [filter.parent, filter.queue].filter((value) => value !== undefined);
  const { results } = await statement(db, sql(filter.queue !== undefined), tenant, died, id, maxExamined, ...narrowing).all<Letter>();
  const kept: DeadLetterView[] = [];
  const matches = filter.q === undefined ? undefined : textMatcher(filter.q, filter.onlyMarkedTails);
  for (const row of results) {
    if (!matchesFilter(row, filter) || (matches && row.id !== filter.q?.toLowerCase() && !matches(row))) continue;
    if (kept.length === limit) return { deadLetters: kept, cursor: cursorAfter(kept) };
    const { isOfQueue: _, ...letter } = row;
    kept.push(letter);
  }
  return { deadLetters: kept, cursor: results.length === maxExamined ? cursorAfter(results) : null };
}

/** As above for acts: nothing but ids, each with the cursor that goes on after it; the end of an id must be marked as one. */
export async function deadLetterPage(
  db: D1Database,
  tenant: string,
  filter: DeadLetterFilter,
  bounds: PageBounds,
): Promise<{ letters: { id: string; position: string }[]; cursor: string | null }> {
  const found = await deadLetters(db, tenant, { ...filter, onlyMarkedTails: true }, bounds);
  return { letters: found.deadLetters.map((letter) => ({ id: letter.id, position: positionOf(letter) })), cursor: found.cursor };
}

/** Dead letters that failed alike, the largest group first. */
export async function groups(db: D1Database, tenant: string): Promise<DeadLetterGroup[]> {
  const { results } = await statement(db, grouped, tenant, maxGrouped).all<Omit<DeadLetterGroup, "examples"> & { examples: string | null }>();
  return results.map((row) => ({ ...row, examples: row.examples?.split(",") ?? [] }));
}

/** `isOfQueue`: asked for with a queue. A letter has no column for its queue: its job has. */
type Letter = DeadLetterView & { isOfQueue?: number | null };

function matchesFilter(row: Letter, filter: DeadLetterFilter): boolean {
  return (
    (filter.queue === undefined || row.isOfQueue === 1) &&
    (filter.type === undefined || row.type === filter.type) &&
    (filter.state === undefined || row.state === filter.state) &&
    (filter.siteId === undefined || row.siteId === filter.siteId) &&
    (filter.group === undefined || row.group === filter.group) &&
    isInRange(row, filter)
  );
}

/** `{died}.{id}`; any other text starts from the newest. */
function cursorOf(cursor: string | undefined): [number, string] {
  const [, died, id] = /^(\d{1,15})\.([0-9a-z]{34})$/.exec(cursor ?? "") ?? [];
  return died !== undefined && id !== undefined ? [Number(died), id] : [Number.MAX_SAFE_INTEGER, "~"];
}

function cursorAfter(rows: readonly DeadLetterView[]): string | null {
  const last = rows.at(-1);
  return last ? positionOf(last) : null;
}

function positionOf(row: DeadLetterView): string {
  return `${row.diedAt}.${row.id}`;
}
