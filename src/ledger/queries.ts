import type { EffectRecord } from "../queue/effect";
import { batch, rowsOf, statement } from "../d1";
import { withFirst } from "../with-first";
import { deadLetters, groups } from "./dead-letters";
import { type JobListRow, jobViewOf } from "./job-rows";
import { listJobs } from "./job-walk";
import { hasType } from "./known-types";
import { childCountsOf, type ChildStates, childStates, parentOf } from "./relatives";
import { deadRows, searchKeys, newestFirst, openRows, pageOfJobs } from "./search";
import { isTextCursor, searchText } from "./text-search";
import { historyStatement, type TimelineEntry, timelineOf, type TimelineRow } from "./timeline";
import type { Backlog, JobDetail, JobFilter, JobPage, MinuteCount, PageBounds, ParentJob } from "./views";

const maxCounted = 100_000;

/** All reads of the ledger. Every call names its tenant; null: all tenants, for the root token. */
export type Queries = ReturnType<typeof createQueries>;

export function createQueries(db: D1Database) {
  return withFirst(db, { job, jobs, deadLetters, groups, counts, backlog, hasType });
}

const wholeJob = `
  SELECT *, (SELECT kind FROM dead_letters d WHERE d.tenant = jobs.tenant AND d.died = jobs.ended AND d.id = jobs.id) AS letter_group
  FROM jobs WHERE tenant = ? AND id = ?`;

/** `now`: milliseconds; children that are due later count as scheduled. Default: none does. */
async function job(db: D1Database, tenant: string, id: string, now: number = Number.MAX_SAFE_INTEGER): Promise<JobDetail | null> {
  const results = await batch(db, [
    statement(db, wholeJob, tenant, id),
    historyStatement(db, tenant, id),
    statement(db, `SELECT key, revision, state, result, at FROM effects WHERE tenant = ? AND job = ? LIMIT 500`, tenant, id),
    statement(db, childStates, tenant, id, now),
    statement(db, parentOf, tenant, id),
  ]);
  const [row] = rowsOf<WholeRow>(results, 0);
  if (!row) return null;
  const { seq, revision, parent, trace, payload, ref, result, settled, pinned, doubt, provider_message: providerMessage } = row;
  return {
    ...jobViewOf(row),
    seq,
    revision,
    pinnedAt: pinned ?? row.at,
    doubt: doubt > 0,
    providerMessage,
    letterGroup: row.letter_group,
    parent,
    parentJob: rowsOf<ParentJob>(results, 4)[0] ?? null,
    trace,
    payload,
    ref,
    result,
    resultRef: hasUploadedResult(settled) ? row.result_ref : null,
    timeline: timelineOf(row, rowsOf<TimelineEntry>(results, 1)),
    effects: rowsOf<EffectRecord>(results, 2),
    entities: row.entities === null ? [] : (JSON.parse(row.entities) as string[]),
    children: childCountsOf(rowsOf<ChildStates>(results, 3)[0]),
  };
}

/** `settled` is a remote worker's settlement: [digest, state, time, 1 when the result is the uploaded one]. */
function hasUploadedResult(settled: string | null): boolean {
  return settled !== null && (JSON.parse(settled) as unknown[])[3] === 1;
}

/** Newest first. Rare states are read from their side rows, so that newer jobs in other states cost nothing; other filters read a bounded number of rows. */
async function jobs(db: D1Database, tenant: string, filter: JobFilter, page: PageBounds): Promise<JobPage> {
  if (filter.q !== undefined) return search(db, tenant, filter.q, filter, page);
  if (filter.parent !== undefined) return listJobs(db, tenant, filter, page);
  const open = isOpen(filter.state) ? await openRows(db, tenant, filter.state !== "waiting" && filter.state !== "retrying") : null;
  if (open) return pageOfJobs(open, filter, page);
  const walked = await listJobs(db, tenant, filter, page);
  return isBad(filter.state) ? withDeadLetters(db, tenant, filter, page, walked) : walked;
}

/** An id or an entity key is looked up; what is neither is searched for. */
async function search(db: D1Database, tenant: string, q: string, filter: JobFilter, page: PageBounds): Promise<JobPage> {
  const keyed = isTextCursor(page.cursor) ? undefined : await searchKeys(db, tenant, q, filter, page);
  return keyed ?? searchText(db, tenant, q, filter, page);
}

/** Adds dead letters older than the rows that were read. A dismissed dead letter has no side row: it is found only by reading jobs. */
async function withDeadLetters(db: D1Database, tenant: string, filter: JobFilter, page: PageBounds, walked: JobPage): Promise<JobPage> {
  const { cursor, jobs: near } = walked;
  if (cursor === null || near.length === page.limit) return walked;
  const far = newestFirst(await deadRows(db, tenant), cursor, filter).slice(0, page.limit - near.length);
  return { ...walked, jobs: [...near, ...far.map(jobViewOf)], cursor: far.at(-1)?.position ?? cursor };
}

function isOpen(state: JobFilter["state"]): boolean {
  return state !== undefined && state !== "done" && state !== "cancelled" && !isBad(state);
}

function isBad(state: JobFilter["state"]): boolean {
  return state === "dead" || state === "discarded";
}

async function counts(db: D1Database, tenant: string | null, from: number, to: number): Promise<MinuteCount[]> {
  const sum = `SELECT minute, type, event, sum(n) AS count, sum(ms) AS ms FROM counters`;
  const group = `minute >= ?1 AND minute < ?2 GROUP BY minute, type, event ORDER BY minute`;
  // For all tenants at once: one seek for each of them instead of a scan.
  const allTenants = `
    WITH RECURSIVE each(tenant) AS (
      SELECT min(tenant) FROM counters UNION ALL SELECT (SELECT min(c.tenant) FROM counters c WHERE c.tenant > each.tenant) FROM each WHERE each.tenant IS NOT NULL)
    ${sum} WHERE tenant IN (SELECT tenant FROM each WHERE tenant IS NOT NULL) AND ${group}`;
  const query = tenant === null ? statement(db, allTenants, from, to) : statement(db, `${sum} WHERE tenant = ?3 AND ${group}`, from, to, tenant);
  return (await query.all<MinuteCount>()).results;
}

/** Counted up to 100,000, without side rows of jobs that have ended since: the tick removes those. */
async function backlog(db: D1Database, tenant: string | null): Promise<Backlog> {
  const whose = tenant === null ? "" : "WHERE s.tenant = ?1";
  const open = tenant === null ? "WHERE j.ended IS NULL" : "WHERE s.tenant = ?1 AND j.ended IS NULL";
  const letters = `SELECT count(*) AS n, count(iif(state = 'discarded', 1, NULL)) AS discarded FROM (SELECT state FROM dead_letters s ${whose} LIMIT ${maxCounted})`;
  const waiting = (table: string) =>
    `SELECT count(*) AS n FROM (SELECT 1 FROM ${table} s CROSS JOIN jobs j ON j.tenant = s.tenant AND j.id = s.id ${open} LIMIT ${maxCounted})`;
  const counted = [letters, waiting("parked"), waiting("due")];
  const results = await batch(
    db,
    counted.map((sql) => (tenant === null ? statement(db, sql) : statement(db, sql, tenant))),
  );
  const [dead, parked, due] = counted.map((_, index) => rowsOf<{ n: number; discarded?: number }>(results, index)[0]);
  return { deadLetters: dead?.n ?? 0, discarded: dead?.discarded ?? 0, parked: parked?.n ?? 0, due: due?.n ?? 0 };
}

interface WholeRow extends Omit<JobListRow, keyof TimelineRow>, TimelineRow {
  seq: number;
  revision: number;
  pinned: number | null;
  doubt: number;
  provider_message: string | null;
  trace: string | null;
  payload: string | null;
  ref: string | null;
  result: string | null;
  result_ref: string | null;
  settled: string | null;
  entities: string | null;
  letter_group: string | null;
}
