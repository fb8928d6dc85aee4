import { statement } from "../d1";
import { end, isInRange, maxExamined, maxWalked } from "./job-rows";
import { byParent } from "./relatives";
import { textMatcher } from "./text-matcher";
import type { DeadLetterFilter, DeadLetterGroup, DeadLetterView, PageBounds } from "./views";

/** Dead letters a grouping looks at, newest first. */
const maxGrouped = 10_000;

const columns = `d.id, d.type, d.state, d.site AS siteId, d.reason, d.kind AS "group", d.attempt, d.at, d.died AS diedAt`;
/** ?2 and ?3 the place of the letter before, ?4 rows. */
const page = `(d.died, d.id) < (?2, ?3) ORDER BY d.died DESC, d.id DESC LIMIT ?4`;

/** With a queue, ?5, the newest rows are narrowed by their jobs. */
const letters = (hasQueue: boolean) => `
  SELECT ${columns}${hasQueue ? `, (SELECT j.queue = ?5 FROM jobs j WHERE j.tenant = d.tenant AND j.id = d.id) AS isOfQueue` : ""}
  FROM dead_letters d WHERE d.tenant = ?1 AND ${page}`;

/**
 * Among the children of a job, ?5, in their order: ?2 the slot of the child before, ?3 children that are read, ?4 rows; a queue is ?6. The last child that
 * is read is a row without a letter, if it has none.
 */
const childLetters = (hasQueue: boolean) => `
  SELECT ${columns}, c.slot, c.n${hasQueue ? ", c.queue = ?6 AS isOfQueue" : ""}
  FROM (SELECT row_number() OVER () AS n, * FROM (SELECT j.id, j.slot, j.state, j.ended, j.queue FROM ${byParent}
    WHERE j.tenant = ?1 AND j.parent = ?5 AND j.slot < ?2 ORDER BY j.slot DESC LIMIT ?3)) c
  LEFT JOIN dead_letters d ON c.state IN ('dead', 'discarded') AND d.tenant = ?1 AND d.died = c.ended AND d.id = c.id
  WHERE d.id IS NOT NULL OR c.n = ?3 LIMIT ?4`;

/** The same, for a walk that an earlier release began: in the order of death, ?2 and ?3. Each page reads all rows of the children. */
const childLettersByDeath = (hasQueue: boolean) => `
  SELECT ${columns}${hasQueue ? ", j.queue = ?6 AS isOfQueue" : ""}
  FROM ${byParent} CROSS JOIN dead_letters d ON d.tenant = j.tenant AND d.died = j.ended AND d.id = j.id
  WHERE j.tenant = ?1 AND j.parent = ?5 AND j.state IN ('dead', 'discarded') AND ${page}`;

const grouped = `
  SELECT kind AS "group", type, reason, count(*) AS count, min(died) AS firstAt, max(died) AS lastAt, group_concat(CASE WHEN place <= 3 THEN id END) AS examples
  FROM (SELECT kind, type, reason, died, id, row_number() OVER (PARTITION BY kind ORDER BY died DESC) AS place
    FROM (SELECT kind, type, reason, died, id FROM dead_letters WHERE tenant = ?1 ORDER BY died DESC LIMIT ?2))
  GROUP BY kind ORDER BY count DESC`;

/** Newest first, children by when they were accepted; looks at a bounded number of rows and returns a cursor when there may be more. */
export async function deadLetters(
  db: D1Database,
  tenant: string,
  filter: DeadLetterFilter,
  page: PageBounds,
): Promise<{ deadLetters: DeadLetterView[]; cursor: string | null }> {
  const found = await fittingLetters(db, tenant, filter, page);
  return { deadLetters: found.letters.map(letterViewOf), cursor: found.cursor };
}

/** As above for acts: nothing but ids, each with the cursor that goes on after it; the end of an id must be marked as one. */
export async function deadLetterPage(
  db: D1Database,
  tenant: string,
  filter: DeadLetterFilter,
  page: PageBounds,
): Promise<{ letters: { id: string; position: string }[]; cursor: string | null }> {
  const found = await fittingLetters(db, tenant, { ...filter, onlyMarkedTails: true }, page);
  return { letters: found.letters.map((letter) => ({ id: letter.id, position: positionOf(letter) })), cursor: found.cursor };
}

async function fittingLetters(
  db: D1Database,
  tenant: string,
  filter: DeadLetterFilter,
  { cursor, limit }: PageBounds,
): Promise<{ letters: Letter[]; cursor: string | null }> {
  const { rows, isOver } = await lettersAfter(db, tenant, filter, cursorOf(cursor), limit);
  const matches = filter.q === undefined ? undefined : textMatcher(filter.q, filter.onlyMarkedTails);
  const kept: Letter[] = [];
  for (const row of rows) {
    if (row.id === null || !matchesFilter(row, filter) || (matches && row.id !== filter.q?.toLowerCase() && !matches(row))) continue;
    if (kept.length === limit) return { letters: kept, cursor: cursorAfter(kept) };
    kept.push(row);
  }
  return { letters: kept, cursor: isOver ? null : cursorAfter(rows) };
}

/** Dead letters that failed alike, the largest group first. */
export async function groups(db: D1Database, tenant: string): Promise<DeadLetterGroup[]> {
  const { results } = await statement(db, grouped, tenant, maxGrouped).all<Omit<DeadLetterGroup, "examples"> & { examples: string | null }>();
  return results.map((row) => ({ ...row, examples: row.examples?.split(",") ?? [] }));
}

/** `isOfQueue`: asked for with a queue. A letter has no column for its queue: its job has. `slot` and `n` of a child: its place, and how many were read. */
type Letter = DeadLetterView & { isOfQueue?: number | null; slot?: string; n?: number };

/** A child without a letter is where a walk stopped. */
type Row = Letter | { id: null; slot: string; n: number };

/** The rows after a cursor, and whether they are the last. */
async function lettersAfter(
  db: D1Database,
  tenant: string,
  filter: DeadLetterFilter,
  cursor: Cursor | undefined,
  limit: number,
): Promise<{ rows: Row[]; isOver: boolean }> {
  const { parent, queue } = filter;
  const narrowing = [parent, queue].filter((value) => value !== undefined);
  const read = async (sql: (hasQueue: boolean) => string, ...bounds: (string | number)[]) =>
    (await statement(db, sql(queue !== undefined), tenant, ...bounds, ...narrowing).all<Row>()).results;
  if (parent === undefined || (cursor && cursor.died > 0)) {
    const { died, id } = cursor ?? newest;
    const rows = await read(parent === undefined ? letters : childLettersByDeath, died, id, maxExamined);
    return { rows, isOver: rows.length < maxExamined };
  }
  // Where nothing but the parent narrows it, the page needs no more.
  const { parent: _, onlyMarkedTails: __, ...fields } = filter;
  const maxRows = Object.values(fields).every((value) => value === undefined) ? limit + 1 : maxExamined;
  const rows = await read(childLetters, cursor?.id ?? end, maxWalked, maxRows);
  return { rows, isOver: rows.length < maxRows && rows.at(-1)?.n !== maxWalked };
}

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

interface Cursor {
  died: number;
  id: string;
}

const newest: Cursor = { died: Number.MAX_SAFE_INTEGER, id: "~" };

/** `{died}.{id}`, of a child `0.{slot}`: an earlier release finds nothing behind it, and would begin anew at another text. */
function cursorOf(cursor: string | undefined): Cursor | undefined {
  const [, died, id] = /^(\d{1,15})\.([0-9a-z]{34})$/.exec(cursor ?? "") ?? [];
  return died !== undefined && id !== undefined ? { died: Number(died), id } : undefined;
}

function cursorAfter(rows: readonly Row[]): string | null {
  const last = rows.at(-1);
  return last ? positionOf(last) : null;
}

function positionOf(row: Row): string {
  return row.id === null || row.slot !== undefined ? `0.${row.slot}` : `${row.diedAt}.${row.id}`;
}

function letterViewOf({ isOfQueue: _queue, slot: _slot, n: _n, ...letter }: Letter): DeadLetterView {
  return letter;
}
