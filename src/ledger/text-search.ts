import { deadLetters } from "./dead-letters";
import { end, isInRange, type JobListRow, jobViewOf, matchesFilter, maxExamined } from "./job-rows";
import { walkJobs } from "./job-walk";
import { newestFirst, openRows, jobRowsById } from "./search";
import { tailIn, textMatcher } from "./text-matcher";
import type { JobFilter, JobPage, PageBounds } from "./views";

/**
 * Where a search by text looks, one after the other, each newest first: dead letters; open jobs; then (`rest`) the ended jobs, by the tail of
 * their id. With more open jobs than may be read at once, `all` walks both. A cursor is the stage, a dot, and the place in it.
 */
type Stage = "dead" | "open" | "rest" | "all";

/** Jobs found in a stage. `next`: where to go on; null: nowhere. `examined`: rows that were read for it. */
interface Found {
  rows: JobListRow[];
  next: { stage: Stage; after?: string } | null;
  examined: number;
}

interface Search {
  db: D1Database;
  tenant: string;
  q: string;
  /** The end of an id, in small letters; undefined: the text cannot be one. */
  tail: string | undefined;
  filter: JobFilter;
}

const stages: Readonly<Record<Stage, (search: Search, after: string | undefined, limit: number) => Promise<Found>>> = { dead, open, rest, all };

/** Whether a cursor is one of a search by text. */
export function isTextCursor(cursor: string | undefined): cursor is string {
  return cursor?.includes(".") ?? false;
}

/** One page of the jobs whose id ends with the text, and of the failed and waiting ones whose reason contains it. Each stage reads a bounded number of rows. */
export async function searchText(db: D1Database, tenant: string, q: string, filter: JobFilter, page: PageBounds): Promise<JobPage> {
  const search = { db, tenant, q, tail: tailIn(q, filter.onlyMarkedTails), filter };
  const [stage = "dead", ...after] = (isTextCursor(page.cursor) ? page.cursor : "dead.").split(".");
  const jobs: JobListRow[] = [];
  let [at, examined]: [Found["next"], number] = [{ stage: stage as Stage, after: after.join(".") }, 0];
  while (at !== null && jobs.length < page.limit) {
    const found: Found = await stages[at.stage](search, at.after || undefined, page.limit - jobs.length);
    jobs.push(...found.rows);
    examined += found.examined;
    const isSameStage = found.next?.stage === at.stage;
    at = found.next;
    // A stage that is not at its end has read all that one answer may.
    if (isSameStage) break;
  }
  return { jobs: jobs.map(jobViewOf), ...(at === null ? { cursor: null } : { cursor: `${at.stage}.${at.after ?? ""}`, examined }) };
}

async function dead(search: Search, after: string | undefined, limit: number): Promise<Found> {
  const { db, tenant, q, filter } = search;
  const { state, type, siteId, onlyMarkedTails } = filter;
  const open: Found = { rows: [], next: { stage: "open" }, examined: 0 };
  if (state !== undefined && state !== "dead" && state !== "discarded") return open;
  const { deadLetters: letters, cursor } = await deadLetters(db, tenant, { q, type, siteId, state, onlyMarkedTails }, { limit, cursor: after });
  const rows = new Map((await jobRowsById(db, tenant, letters)).map((row) => [row.id, row]));
  const found = letters.flatMap(({ id }) => rows.get(id) ?? []).filter((row) => matchesFilter(row, filter) && isInRange(row, filter));
  if (cursor === null) return { ...open, rows: found };
  return { rows: found, next: { stage: "dead", after: cursor }, examined: letters.length < limit ? maxExamined : 0 };
}

async function open(search: Search, after: string | undefined, limit: number): Promise<Found> {
  const { db, tenant, q, filter } = search;
  const then: Found["next"] = search.tail === undefined ? null : { stage: "rest" };
  if (hasEnded(filter.state)) return { rows: [], next: then, examined: 0 };
  const rows = await openRows(db, tenant, true);
  if (rows === null) return { rows: [], next: { stage: "all", ...(after === undefined ? {} : { after }) }, examined: 0 };
  // A side row may outlive the end of its job.
  const stillOpen = rows.filter(({ ended }) => ended === null);
  const found = newestFirst(stillOpen, after ?? end, filter).filter(textMatcher(q, filter.onlyMarkedTails));
  const last = found.length > limit ? found[limit - 1] : undefined;
  return { rows: found.slice(0, limit), next: last ? { stage: "open", after: last.position } : then, examined: 0 };
}

async function rest(search: Search, after: string | undefined, limit: number): Promise<Found> {
  const { state } = search.filter;
  if (search.tail === undefined || (state !== undefined && !hasEnded(state))) return { rows: [], next: null, examined: 0 };
  return walk(search, "rest", "ended IS NOT NULL", after, limit);
}

function all(search: Search, after: string | undefined, limit: number): Promise<Found> {
  return walk(search, "all", search.tail === undefined ? "ended IS NULL" : "true", after, limit);
}

/** Walks the jobs that are no dead letters. */
async function walk({ db, tenant, q, tail, filter }: Search, stage: Stage, which: string, after: string | undefined, limit: number): Promise<Found> {
  const byTail = tail === undefined ? "false" : `substr(id, -${tail.length}) = '${tail}'`;
  const sql = `${which} AND (${byTail} OR (ended IS NULL AND reason IS NOT NULL))
    AND NOT EXISTS (SELECT 1 FROM dead_letters l WHERE l.tenant = ?1 AND l.died = ended AND l.id = s.id)`;
  const { rows, cursor, examined = 0 } = await walkJobs(db, tenant, filter, { limit, cursor: after }, { sql, matches: textMatcher(q, filter.onlyMarkedTails) });
  return { rows, next: cursor === null ? null : { stage, after: cursor }, examined };
}

function hasEnded(state: JobFilter["state"]): boolean {
  return state === "dead" || state === "discarded" || state === "done" || state === "cancelled";
}
