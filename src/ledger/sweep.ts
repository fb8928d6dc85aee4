import { timePart } from "../queue/id";
import type { JobRef, Pause } from "../queue/ports/job-row";
import type { BringBack, DueJob, StoredJob, UntrackedJob } from "../queue/ports/tick-ledger";
import { batch, lists, refLists, rowsOf, statement } from "../d1";
import { doubtful } from "./doubt";
import { bySlot } from "./job-rows";
import { dropDue, dropParked } from "./side";
import { looked } from "./waiting";

export const stored = `jobs.tenant, jobs.id, jobs.type, jobs.version, jobs.queue, jobs.seq, jobs.at, jobs.payload, jobs.ref, jobs.fp, jobs.parent, jobs.trace, jobs.dry`;
/** Leases of remote workers survive a restart. */
const otherBoots = `
  SELECT coalesce(j.wake, 0) AS wakeAt, j.tenant, j.id, ${looked} FROM jobs j
  WHERE j.boot <> ?1 AND ((j.state = 'running' AND j.worker IS NULL) OR (j.state IN ('queued', 'retrying', 'waiting') AND j.sent IS NOT NULL)) LIMIT ?2`;

/**
 * An expired lease sets `crash` to 1, so that the job runs alone from now on. If it was 1 already, the job ran alone when its Worker died: that counts
 * as an attempt. ?2 now, ?3 boot. Only rows that have not changed since they were read.
 */
const raise = `
  UPDATE jobs SET seq = jobs.seq + 1, state = 'queued', due = b.due, sent = b.sent, wake = b.wake, gate = NULL, boot = ?3,
    attempt = jobs.attempt + (jobs.state = 'running' AND jobs.crash = 1 AND jobs.attempt < jobs.max), crash = iif(jobs.state = 'running', 1, jobs.crash), doubt = iif(jobs.state = 'running', ${doubtful}, jobs.doubt),
    sweeps = iif(b.swept, jobs.sweeps + 1, 0), until = 0
  FROM (SELECT value->>0 AS tenant, value->>1 AS id, value->>2 AS seq, value->>3 AS was, value->>4 AS wake, value->>5 AS due, value->>6 AS sent, value->>7 AS swept FROM json_each(?1)) b
  WHERE jobs.tenant = b.tenant AND jobs.id = b.id AND jobs.seq = b.seq AND jobs.state IN ('queued', 'running', 'retrying', 'waiting')
    AND (jobs.state <> 'running' OR jobs.until <= ?2 OR jobs.boot <> ?3)
  RETURNING ${stored}`;

const addDue = `
  INSERT INTO due (tenant, at, id) SELECT j.tenant, j.wake, j.id FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1
  WHERE j.wake IS NOT NULL AND j.gate IS NULL AND j.state IN ('queued', 'running', 'retrying', 'waiting') ON CONFLICT DO NOTHING`;

/** Clears `sent`, so that the next tick sends a message, but not before the job is due. ?2 time of the side row. */
const markUnsent = `
  UPDATE jobs SET sent = NULL, wake = max(?2, coalesce(jobs.due, 0)) FROM (SELECT value->>0 AS tenant, value->>1 AS id FROM json_each(?1)) u
  WHERE jobs.tenant = u.tenant AND jobs.id = u.id AND jobs.gate IS NULL AND jobs.state IN ('queued', 'retrying', 'waiting')`;

const moveWake = `
  UPDATE jobs SET wake = r.wake FROM (SELECT value->>0 AS tenant, value->>1 AS id, value->>2 AS was, value->>3 AS wake FROM json_each(?1)) r
  WHERE jobs.tenant = r.tenant AND jobs.id = r.id AND jobs.wake = r.was AND r.wake IS NOT NULL AND jobs.gate IS NULL`;

export async function ofOtherBoot(db: D1Database, boot: string, limit: number): Promise<DueJob[]> {
  return (await statement(db, otherBoots, boot, limit).all<DueJob>()).results;
}

/** Raises seq and replaces the side row, before the message is sent. */
export async function bringBack(db: D1Database, rows: readonly BringBack[], now: number, boot: string): Promise<StoredJob[]> {
  if (rows.length === 0) return [];
  const raises = lists(rows.map((row) => [row.tenant, row.id, row.seq, row.wakeAt, row.place.wake, row.place.due, row.place.sent, row.swept ? 1 : 0]));
  const results = await batch(db, [
    ...raises.map((list) => statement(db, raise, list, now, boot)),
    ...lists(rows.filter(({ gate }) => gate === null).map(({ tenant, wakeAt, id }) => [tenant, wakeAt, id])).map((list) => statement(db, dropDue, list)),
    ...lists(rows.filter(({ gate }) => gate !== null).map(({ tenant, gate, wakeAt, id }) => [tenant, gate, wakeAt, id])).map((list) =>
      statement(db, dropParked, list),
    ),
    ...refLists(rows).map((list) => statement(db, addDue, list)),
  ]);
  return raises.flatMap((_, index) => rowsOf<StoredRow>(results, index)).map(toStored);
}

export async function unsent(db: D1Database, refs: readonly JobRef[], at: number): Promise<void> {
  const parts = refLists(refs);
  await batch(db, [...parts.map((list) => statement(db, markUnsent, list, at)), ...parts.map((list) => statement(db, addDue, list))]);
}

export async function rewake(db: D1Database, rows: readonly { at: number; tenant: string; id: string; wake: number | null }[]): Promise<void> {
  await batch(db, [
    ...lists(rows.map(({ at, tenant, id, wake }) => [tenant, id, at, wake])).map((list) => statement(db, moveWake, list)),
    ...lists(rows.map(({ at, tenant, id }) => [tenant, at, id])).map((list) => statement(db, dropDue, list)),
    ...refLists(rows.filter(({ wake }) => wake !== null)).map((list) => statement(db, addDue, list)),
  ]);
}

export async function pauses(db: D1Database): Promise<Pause[]> {
  return (await db.prepare(`SELECT tenant, scope, name FROM pauses`).all<Pause>()).results;
}

/** Each tenant that has jobs, by one seek each, and how far its walk has come. */
const marks = `
  WITH RECURSIVE each(tenant) AS (
    SELECT min(tenant) FROM jobs UNION ALL
    SELECT (SELECT min(t.tenant) FROM jobs t WHERE t.tenant > each.tenant) FROM each WHERE each.tenant IS NOT NULL),
  marks(tenant, mark) AS (
    SELECT tenant, coalesce((SELECT position FROM watermarks w WHERE w.tenant = each.tenant AND w.walk = ?1), '') FROM each WHERE tenant IS NOT NULL)`;

/** Ids above the watermarks, of jobs that are old enough, tenant after tenant. Derived ids are ordered by their slots. */
const scans = {
  jobs: `${marks}
    SELECT j.tenant, j.id AS position, j.id, j.state, j.queue, j.wake, j.gate, j.sent FROM marks m CROSS JOIN jobs j
    WHERE j.tenant = m.tenant AND j.id > m.mark AND j.id < ?2 LIMIT ?3`,
  derived: `${marks}
    SELECT j.tenant, j.slot AS position, j.id, j.state, j.queue, j.wake, j.gate, j.sent FROM marks m CROSS JOIN ${bySlot}
    WHERE j.tenant = m.tenant AND j.slot > m.mark AND j.slot < ?2 LIMIT ?3`,
} as const;

const giveWake = `
  UPDATE jobs SET wake = w.wake FROM (SELECT value->>0 AS tenant, value->>1 AS id, value->>2 AS wake FROM json_each(?1)) w
  WHERE jobs.tenant = w.tenant AND jobs.id = w.id AND jobs.wake IS NULL AND jobs.gate IS NULL AND jobs.ended IS NULL`;

const moveMarks = `
  INSERT INTO watermarks (tenant, walk, position) SELECT value->>0, ?2, value->>1 FROM json_each(?1) WHERE true
  ON CONFLICT DO UPDATE SET position = excluded.position`;

/** Passes over rows up to `before`, of all tenants in two statements; each open one without a side row gets one, for the time of `checkAt`. */
export async function scan(
  db: D1Database,
  before: number,
  limit: number,
  checkAt: (row: UntrackedJob) => Promise<number>,
): Promise<{ found: number; more: boolean }> {
  const pages = [await scanPage(db, "jobs", before, limit, checkAt), await scanPage(db, "derived", before, limit, checkAt)];
  return { found: pages.reduce((sum, page) => sum + page.found, 0), more: pages.some((page) => page.full) };
}

async function scanPage(db: D1Database, kind: keyof typeof scans, before: number, limit: number, checkAt: (row: UntrackedJob) => Promise<number>) {
  const name = `sweep-${kind}`;
  const { results: rows } = await statement(db, scans[kind], name, timePart(before), limit).all<ScannedRow>();
  if (rows.length === 0) return { found: 0, full: false };
  const open = rows.filter((row) => row.wake === null && row.gate === null && ["queued", "running", "retrying", "waiting"].includes(row.state));
  const wakes = await Promise.all(open.map(async (row) => [row.tenant, row.id, await checkAt(row)] as const));
  const reached = new Map(rows.map(({ tenant, position }) => [tenant, position]));
  await batch(db, [
    ...lists(wakes).map((list) => statement(db, giveWake, list)),
    ...refLists(open).map((list) => statement(db, addDue, list)),
    ...lists([...reached]).map((list) => statement(db, moveMarks, list, name)),
  ]);
  return { found: open.length, full: rows.length === limit };
}

interface ScannedRow extends UntrackedJob {
  position: string;
  wake: number | null;
  gate: string | null;
}

type StoredRow = Omit<StoredJob, "dry"> & { dry: number };

export function toStored(row: StoredRow): StoredJob {
  return { ...row, dry: row.dry === 1 };
}
