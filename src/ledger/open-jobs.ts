import { timePart } from "../queue/id";
import type { JobState } from "../queue/state";
import { bySlot } from "./job-rows";
import { openMark } from "./watermarks";
import { batch, rowsOf, statement } from "../d1";

/** What an open job is doing: `ready` has a message that waits in the queue, `held` has one that is due later, `parked` waits without a message. */
export type OpenKind = "running" | "ready" | "held" | "parked" | "retrying" | "scheduled";

/** Open jobs of one tenant that are alike. Times in milliseconds. */
export interface OpenGroup {
  tenant: string;
  queue: string;
  type: string;
  site: string | null;
  kind: OpenKind;
  /** The gate where they are parked, or the reason why they wait. */
  cause: string | null;
  count: number;
  /** Since when the oldest can run, for ready jobs; for others when it first started, or was accepted. Never later than now. */
  oldestAt: number;
  /** The id of one of them. */
  example: string;
}

/** How long recent jobs waited for their first run, milliseconds. */
export interface StartedJob {
  queue: string;
  type: string;
  waited: number;
}

/** Rows read from each kind of source; further rows are not counted. */
const maxExamined = 20_000;
const maxGroups = 2000;
/** Newest jobs of a tenant whose waiting times are read. */
const maxStarted = 500;
const maxTenants = 500;
/** Bytes of a payload that is read. */
const maxPayload = 10_000;

const tenantsSql = `
  WITH RECURSIVE each(tenant) AS (
    SELECT min(tenant) FROM jobs UNION ALL SELECT (SELECT min(j.tenant) FROM jobs j WHERE j.tenant > each.tenant) FROM each WHERE each.tenant IS NOT NULL)
  SELECT tenant FROM each WHERE tenant IS NOT NULL LIMIT ${maxTenants}`;

/** The first 500 tenants that have jobs; one seek for each. */
export async function tenantsWithJobs(db: D1Database): Promise<string[]> {
  return (await statement(db, tenantsSql).all<{ tenant: string }>()).results.map(({ tenant }) => tenant);
}

/** Parked for remote workers: no limit holds the job back, so it counts as ready. */
const atWorkers = `(j.gate IS NOT NULL AND substr(j.gate, 1, 7) = 'worker/')`;

/**
 * Since when a job can run: a released, continued or retried one since its message was sent. A copy of a lost message does not count as sent,
 * or a job that nothing takes would never be late.
 */
const readySince = `max(j.at, coalesce(j.due, 0), coalesce(iif(j.sweeps > 0, NULL, j.sent), j.begun, 0))`;

/** A late claim may still insert a row with an id of the last minute. Milliseconds. */
const settlesWithinMs = 60_000;

/** Rows between the marks and ?1 that have ended or have a side row, up to the first that is neither; `walk` names the mark. */
const passed = (walk: "jobs" | "derived", position: string, source: string) => `
  WITH RECURSIVE each(tenant) AS (
    SELECT min(tenant) FROM jobs UNION ALL SELECT (SELECT min(j.tenant) FROM jobs j WHERE j.tenant > each.tenant) FROM each WHERE each.tenant IS NOT NULL),
  m AS (SELECT tenant, ${openMark("each.tenant", walk)} AS mark FROM (SELECT tenant FROM each WHERE tenant IS NOT NULL LIMIT ${maxTenants}) each),
  n AS (SELECT tenant, mark,
    (SELECT ${position} FROM ${source} WHERE j.tenant = m.tenant AND ${position} > m.mark AND ${position} < ?1 AND j.ended IS NULL AND j.wake IS NULL ORDER BY ${position} LIMIT 1) AS open,
    (SELECT max(${position}) FROM ${source} WHERE j.tenant = m.tenant AND ${position} > m.mark AND ${position} < ?1) AS last FROM m)
  INSERT INTO watermarks (tenant, walk, position) SELECT tenant, 'ended-${walk}', coalesce(substr(open, 1, length(open) - 1), last) FROM n
  WHERE coalesce(substr(open, 1, length(open) - 1), last) > mark ON CONFLICT DO UPDATE SET position = excluded.position`;

/**
 * Every open job below a tenant's marks has a side row. This moves the marks up to a minute before now, so that reports skip the jobs that have ended;
 * each row is read once. The sweep's own marks stay ten minutes behind: a message of that age may still be on its way.
 */
export async function passEnded(db: D1Database, now: number): Promise<void> {
  const before = timePart(now - settlesWithinMs);
  await batch(db, [statement(db, passed("jobs", "j.id", "jobs j"), before), statement(db, passed("derived", "j.slot", bySlot), before)]);
}

/**
 * An open job has a side row or lies above the tenant's marks: no other row is read.
 * ?1 tenants, ?2 now, ?3 rows of each source.
 */
const openSql = `
  WITH t AS (SELECT value AS tenant FROM json_each(?1)),
  mark AS (SELECT t.tenant,
    ${openMark("t.tenant", "jobs")} AS made, ${openMark("t.tenant", "derived")} AS derived FROM t),
  ids AS (
    SELECT * FROM (SELECT d.tenant, d.id FROM t CROSS JOIN due d WHERE d.tenant = t.tenant LIMIT ?3) UNION
    SELECT * FROM (SELECT p.tenant, p.id FROM t CROSS JOIN parked p WHERE p.tenant = t.tenant LIMIT ?3) UNION
    SELECT * FROM (SELECT l.tenant, l.id FROM t CROSS JOIN leases l WHERE l.tenant = t.tenant LIMIT ?3) UNION
    SELECT tenant, id FROM (SELECT j.tenant, j.id, j.ended FROM mark CROSS JOIN jobs j WHERE j.tenant = mark.tenant AND j.id > mark.made AND j.id < '8' LIMIT ?3) WHERE ended IS NULL UNION
    SELECT * FROM (SELECT j.tenant, j.id FROM mark CROSS JOIN ${bySlot} WHERE j.tenant = mark.tenant AND j.slot > mark.derived LIMIT ?3))
  SELECT j.tenant, j.queue, j.type, j.site,
    CASE WHEN j.state = 'running' THEN 'running' WHEN j.gate IS NOT NULL AND NOT ${atWorkers} THEN 'parked' WHEN j.state = 'waiting' THEN 'held'
      WHEN j.state = 'retrying' THEN 'retrying' WHEN j.due > ?2 THEN 'scheduled' ELSE 'ready' END AS kind,
    coalesce(iif(${atWorkers}, NULL, j.gate), iif(j.state IN ('waiting', 'retrying'), substr(j.reason, 1, 400), NULL)) AS cause,
    count(*) AS count,
    min(iif(j.state IN ('waiting', 'retrying') OR j.due > ?2, coalesce(j.started, j.at), min(?2, ${readySince}))) AS oldestAt,
    min(j.id) AS example
  FROM ids CROSS JOIN jobs j ON j.tenant = ids.tenant AND j.id = ids.id WHERE j.ended IS NULL
  GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY count DESC LIMIT ${maxGroups}`;

const startedSql = `
  SELECT queue, type, max(0, started - at) AS waited FROM (
    SELECT queue, type, started, at, runs FROM jobs WHERE tenant = ?1 AND id < '8' ORDER BY id DESC LIMIT ${maxStarted})
  WHERE started IS NOT NULL AND runs <= 1`;

/** Open jobs of these tenants, grouped; at most 20,000 of each kind are counted. */
export async function openJobs(db: D1Database, tenants: readonly string[], now: number): Promise<OpenGroup[]> {
  return (await statement(db, openSql, JSON.stringify(tenants), now, maxExamined).all<OpenGroup>()).results;
}

const payloadsSql = `
  SELECT j.tenant, j.id, j.type, j.version, j.payload FROM json_each(?1) e CROSS JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1
  WHERE octet_length(j.payload) <= ${maxPayload}`;

export interface OpenPayload {
  tenant: string;
  id: string;
  type: string;
  version: number;
  payload: string;
}

/** The payloads of these jobs, but for those that are larger than 10,000 bytes or not in the row. */
export async function openPayloads(db: D1Database, jobs: readonly { tenant: string; id: string }[]): Promise<OpenPayload[]> {
  if (jobs.length === 0) return [];
  return (await statement(db, payloadsSql, JSON.stringify(jobs.map(({ tenant, id }) => [tenant, id]))).all<OpenPayload>()).results;
}

/** The newest started jobs of each tenant, without those that were delayed or held back. */
export async function startedJobs(db: D1Database, tenants: readonly string[]): Promise<StartedJob[]> {
  if (tenants.length === 0) return [];
  const results = await batch(
    db,
    tenants.map((tenant) => statement(db, startedSql, tenant)),
  );
  return tenants.flatMap((_, index) => rowsOf<StartedJob>(results, index));
}

const openAmong = `SELECT e.value AS id, j.type FROM json_each(?2) e LEFT JOIN jobs j ON j.tenant = ?1 AND j.id = e.value WHERE j.ended IS NULL`;

/** The ids of open jobs. For an id without a row `isOnItsWay` decides whether it is a job; its type is unknown then. */
export async function openJobIds(
  db: D1Database,
  tenant: string,
  ids: readonly string[],
  isOnItsWay: (id: string) => Promise<boolean>,
): Promise<{ id: string; type: string }[]> {
  const { results } = await statement(db, openAmong, tenant, JSON.stringify(ids)).all<{ id: string; type: string | null }>();
  const isJob = await Promise.all(results.map(({ id, type }) => type !== null || isOnItsWay(id)));
  return results.flatMap(({ id, type }, index) => (isJob[index] ? [{ id, type: type ?? "unknown" }] : []));
}

const openSizes = `
  SELECT j.id, j.state, j.due, coalesce(octet_length(j.payload), 0) AS bytes FROM json_each(?2) e
  CROSS JOIN jobs j ON j.tenant = ?1 AND j.id = e.value WHERE j.ended IS NULL AND j.state <> 'running'`;

/** Those of the ids that are open and do not run, with the bytes of the payload in each row. */
export async function sizesOf(
  db: D1Database,
  tenant: string,
  ids: readonly string[],
): Promise<{ id: string; state: JobState; due: number | null; bytes: number }[]> {
  return (await statement(db, openSizes, tenant, JSON.stringify(ids)).all<{ id: string; state: JobState; due: number | null; bytes: number }>()).results;
}
