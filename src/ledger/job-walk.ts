import { timePart } from "../queue/id";
import { batch, rowsOf, statement } from "../d1";
import { byParent } from "./relatives";
import { bySlot, jobColumns, end, matchesFilter, type JobListRow, maxExamined, maxWalked, jobViewOf } from "./job-rows";
import type { JobFilter, JobPage, PageBounds } from "./views";

/** The two streams of a tenant's jobs, each by position: made ids by themselves, derived ones by their slot. ?2 and ?3 bound the position, ?4 the rows. */
const streams = [
  `SELECT j.id AS position, ${jobColumns} FROM jobs j
   WHERE j.tenant = ?1 AND j.id >= ?2 AND j.id < ?3 ORDER BY j.id DESC LIMIT ?4`,
  `SELECT j.slot AS position, ${jobColumns} FROM ${bySlot}
   WHERE j.tenant = ?1 AND j.slot >= ?2 AND j.slot < ?3 ORDER BY j.slot DESC LIMIT ?4`,
];

/** The children of one job, ?6, by their index. Each has a slot: their ids are derived. */
const children = `
  SELECT j.slot AS position, ${jobColumns} FROM ${byParent}
  WHERE j.tenant = ?1 AND j.parent = ?6 AND j.slot >= ?2 AND j.slot < ?3 ORDER BY j.slot DESC LIMIT ?4`;

/** The rows of a stream that fit, and row ?4, which shows that the walk reached its limit. It stops after ?5 rows. */
const narrowed = (stream: string, conditions: readonly string[]) => `
  SELECT * FROM (SELECT *, (${conditions.join(" AND ")}) AS fits FROM (SELECT row_number() OVER () AS n, * FROM (${stream})) s) WHERE fits OR n = ?4 LIMIT ?5`;

/** Both undefined where nothing narrows the walk. */
type Walked = JobListRow & { n?: number; fits?: number | null };

/** What a search adds to a filter: a condition over `s` that narrows the rows, and what is compared outside of SQL. */
interface Sought {
  sql: string;
  matches(row: JobListRow): boolean;
}

/** One page of a tenant's jobs, newest first, in one round trip: each stream is walked until the page is full, at most for 20,000 rows. With a parent the stream is its children. */
export async function listJobs(db: D1Database, tenant: string, filter: JobFilter, page: PageBounds): Promise<JobPage> {
  const { rows, ...rest } = await walkJobs(db, tenant, filter, page);
  return { ...rest, jobs: rows.map(jobViewOf) };
}

/** As above, the rows. With `sought` each stream returns up to 2,000 rows that its condition fits. */
export async function walkJobs(
  db: D1Database,
  tenant: string,
  filter: JobFilter,
  page: PageBounds,
  sought?: Sought,
): Promise<{ rows: JobListRow[]; cursor: string | null; examined?: number }> {
  const lowest = filter.from === undefined ? "" : timePart(filter.from);
  const below = [page.cursor ?? end, filter.to === undefined ? end : timePart(filter.to)].toSorted()[0] ?? end;
  const rowLimit = (sought ? maxExamined : page.limit) + 1;
  const { conditions, values } = conditionsOf(filter);
  if (sought) conditions.push(sought.sql);
  const isNarrowed = conditions.length > 0;
  const walkLimit = isNarrowed ? maxWalked : rowLimit;
  const walked = filter.parent === undefined ? streams : [children];
  const results = await batch(
    db,
    walked.map((stream) =>
      isNarrowed
        ? statement(db, narrowed(stream, conditions), tenant, lowest, below, walkLimit, rowLimit, ...values)
        : statement(db, stream, tenant, lowest, below, walkLimit, ...(values.length > 0 ? [rowLimit, ...values] : [])),
    ),
  );
  const streamed = walked.map((_, index) => rowsOf<Walked>(results, index));
  const unfinished = streamed.filter((each) => each.length === rowLimit || each.at(-1)?.n === walkLimit);
  // A stream that did not end hides its older jobs, so the page ends there for both.
  const reached = unfinished.map((each) => each.at(-1)?.position ?? "").toSorted();
  const bound = reached.at(-1) ?? "";
  const fitting = streamed
    .flat()
    .filter((row) => row.position >= bound && (!isNarrowed || row.fits === 1) && matchesFilter(row, filter) && (sought?.matches(row) ?? true));
  const sorted = fitting.toSorted((left, right) => (left.position < right.position ? 1 : -1));
  const rows = sorted.slice(0, page.limit);
  const cursor = sorted.length > rows.length ? (rows.at(-1)?.position ?? null) : bound || null;
  const examined = unfinished.reduce((sum, each) => sum + (each.at(-1)?.n ?? 0), 0);
  return { rows, cursor, ...(isNarrowed && cursor !== null ? { examined } : {}) };
}

/** `matchesFilter` in SQL, over the names of the columns; values from ?6 on. A parent is the first value: its stream selects by it. */
function conditionsOf({ type, queue, siteId, state, parent, now = 0 }: JobFilter): { conditions: string[]; values: (string | number)[] } {
  const conditions: string[] = [];
  const values: (string | number)[] = parent === undefined ? [] : [parent];
  const add = (condition: string, value: string | number | undefined) => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(condition.replace("?", `?${5 + values.length}`));
  };
  add("type = ?", type);
  add("queue = ?", queue);
  add("site = ?", siteId);
  if (state === "open") conditions.push("ended IS NULL");
  else if (state === "scheduled") add("state = 'queued' AND due > ?", now);
  else add("state = ?", state);
  return { conditions, values };
}
