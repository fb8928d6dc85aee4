import { batch, lists, refLists, rowsOf, statement } from "../../d1";
import type { JobRef } from "../../queue/ports/job-row";
import { type Beat, type ExpiredLease, type HeldJob, type Return, type Shelf, type WorkEffect } from "./model";
import { heldColumns } from "./take";

const heldRows = `SELECT ${heldColumns} FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1`;

export async function held(db: D1Database, refs: readonly JobRef[]): Promise<HeldJob[]> {
  const parts = refLists(refs).map((list) => statement(db, heldRows, list));
  const results = await batch(db, parts);
  return parts.flatMap((_, index) => rowsOf<HeldJob>(results, index));
}

const extend = `
  UPDATE jobs SET until = b.until, offered = 0, progress = coalesce(b.progress, jobs.progress),
    cursor = iif(b.keep, jobs.cursor, b.cursor), attempt = iif(b.keep, jobs.attempt, 0), sweeps = 0,
    checkpoints = jobs.checkpoints + iif(b.keep, 0, 1), checkpointed = iif(b.keep, jobs.checkpointed, b.at)
  FROM (SELECT value->>0 AS tenant, value->>1 AS id, value->>2 AS nonce, value->>3 AS until, value->>4 AS progress, value->>5 AS keep, value->>6 AS cursor, value->>7 AS at FROM json_each(?1)) b
  WHERE jobs.tenant = b.tenant AND jobs.id = b.id AND jobs.lease = b.nonce AND jobs.state = 'running' RETURNING jobs.tenant, jobs.id`;

/** Extends leases and starts offers; returns the jobs whose lease still held. The row in `leases` is moved only when its time comes: one written row. */
export async function beat(db: D1Database, beats: readonly Beat[]): Promise<JobRef[]> {
  const rows = beats.map(({ tenant, id, nonce, until, progress, cursor, at }) => [
    tenant,
    id,
    nonce,
    until,
    progress,
    cursor === undefined ? 1 : 0,
    cursor ?? null,
    at,
  ]);
  return update(db, extend, rows);
}

const remember = `
  UPDATE jobs SET entered = b.entered FROM (SELECT value->>0 AS tenant, value->>1 AS id, value->>2 AS nonce, value->>3 AS entered FROM json_each(?1)) b
  WHERE jobs.tenant = b.tenant AND jobs.id = b.id AND jobs.lease = b.nonce AND jobs.state = 'running' RETURNING jobs.tenant, jobs.id`;

/** Records which gates the jobs have entered. */
export async function recordEntered(db: D1Database, entries: readonly (JobRef & { nonce: string; entered: string })[]): Promise<void> {
  await update(
    db,
    remember,
    entries.map(({ tenant, id, nonce, entered }) => [tenant, id, nonce, entered]),
  );
}

/** ?1 [tenant, id, nonce, type, place] of each, ?2 now. */
const takeBack = [
  `UPDATE jobs SET state = 'running', until = ?2 + coalesce(jobs.extension, 60000), wake = ?2 + coalesce(jobs.extension, 60000), offered = 0,
     runs = jobs.runs + coalesce(jobs.offered, 0)
   FROM (SELECT value->>0 AS tenant, value->>1 AS id, value->>2 AS nonce, value->>3 AS type FROM json_each(?1)) r
   WHERE jobs.tenant = r.tenant AND jobs.id = r.id AND jobs.lease = r.nonce AND jobs.state = 'queued' AND jobs.settled IS NULL AND jobs.worker IS NOT NULL
     AND jobs.gate = 'worker/' || r.type AND jobs.cancel = 0
   RETURNING jobs.tenant, jobs.id`,
  `INSERT INTO leases (tenant, type, at, id, worker, place) SELECT j.tenant, e.value->>3, j.wake, j.id, j.worker, e.value->>4
   FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1 WHERE j.lease = e.value->>2 AND j.state = 'running' AND ?2 ON CONFLICT DO NOTHING`,
  `DELETE FROM parked WHERE (tenant, gate, at, id) IN (SELECT j.tenant, j.gate, e.value->>4, j.id
   FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1 WHERE j.lease = e.value->>2 AND j.state = 'running' AND ?2)`,
];

/** Takes jobs that lie on the shelf and that no other pull took, under their old lease; returns those taken. */
export async function reclaim(db: D1Database, refs: readonly (Shelf & JobRef & { nonce: string; place: number })[], now: number): Promise<JobRef[]> {
  const [list] = lists(refs.map(({ tenant, id, nonce, type, place }) => [tenant, id, nonce, type, place]));
  if (list === undefined) return [];
  const results = await batch(
    db,
    takeBack.map((sql) => statement(db, sql, list, now)),
  );
  return rowsOf<JobRef>(results, 0);
}

/**
 * ?1 [tenant, id, nonce, type, why, detail] of each, ?2 now. The first crash only sets `crash`: another job of the worker may have caused it.
 * A crash leaves no effect in doubt without a record: a worker records an effect before it acts.
 */
const putBack = [
  `UPDATE jobs SET state = 'queued', until = 0, seq = jobs.seq + 1, gate = 'worker/' || g.type, entered = NULL,
     worker = iif(g.why = 'released', NULL, jobs.worker),
     wake = coalesce((SELECT l.place FROM leases l WHERE l.tenant = jobs.tenant AND l.type = g.type AND l.at = jobs.wake AND l.id = jobs.id), jobs.at),
     runs = jobs.runs - (g.why <> 'crashed'), offered = g.why <> 'crashed', started = iif(g.why <> 'crashed' AND jobs.runs <= 1, NULL, jobs.started),
     attempt = jobs.attempt + (g.why = 'crashed' AND jobs.crash = 1 AND jobs.attempt < jobs.max), crash = iif(g.why = 'crashed', 1, jobs.crash)
   FROM (SELECT value->>0 AS tenant, value->>1 AS id, value->>2 AS nonce, value->>3 AS type, value->>4 AS why FROM json_each(?1)) g
   WHERE jobs.tenant = g.tenant AND jobs.id = g.id AND jobs.lease = g.nonce AND jobs.state = 'running' AND jobs.cancel = 0
     AND (g.why = 'released' OR jobs.until <= ?2) AND (g.why <> 'void' OR jobs.offered = 1) AND (g.why <> 'crashed' OR coalesce(jobs.offered, 0) = 0)
   RETURNING jobs.tenant, jobs.id`,
  `INSERT INTO parked (tenant, gate, at, id) SELECT j.tenant, j.gate, j.wake, j.id FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1
   WHERE j.lease = e.value->>2 AND j.state = 'queued' AND j.gate = 'worker/' || (e.value->>3) AND j.settled IS NULL AND ?2 ON CONFLICT DO NOTHING`,
  `INSERT INTO history (tenant, job, at, event, detail) SELECT j.tenant, j.id, ?2, e.value->>4, e.value->>5
   FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1
   WHERE j.lease = e.value->>2 AND j.state = 'queued' AND j.settled IS NULL ON CONFLICT DO NOTHING`,
];

/**
 * Puts jobs back on the shelf, under their lease; void and crashed ones only if it has run out by `now`. A released one has no worker any more: a
 * heartbeat that was on its way does not take it back. Returns those that were.
 */
export async function giveBack(db: D1Database, rows: readonly Return[], now: number): Promise<JobRef[]> {
  const [list] = lists(rows.map(({ tenant, id, nonce, type, why, detail }) => [tenant, id, nonce, type, why, detail]));
  if (list === undefined) return [];
  const results = await batch(
    db,
    putBack.map((sql) => statement(db, sql, list, now)),
  );
  return rowsOf<JobRef>(results, 0);
}

/** Takes a worker's hold off a job that is on the shelf already, as `giveBack` does for a released one. */
export async function giveUp(db: D1Database, { tenant, id, nonce }: JobRef & { nonce: string }): Promise<void> {
  await statement(db, `UPDATE jobs SET worker = NULL WHERE tenant = ?1 AND id = ?2 AND lease = ?3 AND state = 'queued'`, tenant, id, nonce).run();
}

const expiredRows = `
  SELECT l.type AS leaseType, l.at AS leaseAt, l.worker AS leaseWorker, l.place, l.tenant AS leaseTenant, l.id AS leaseId, ${heldColumns}
  FROM leases l LEFT JOIN jobs j ON j.tenant = l.tenant AND j.id = l.id WHERE l.tenant = ?1 AND l.type = ?2 AND l.at <= ?3 ORDER BY l.at, l.id LIMIT ?4`;

type StoredExpired = Omit<ExpiredLease, "worker"> & { leaseWorker: string; leaseTenant: string; leaseId: string };

/** Rows of `leases` whose time has come. */
export async function expired(db: D1Database, { tenant, type }: Shelf, now: number, limit: number): Promise<ExpiredLease[]> {
  const { results } = await statement(db, expiredRows, tenant, type, now, limit).all<StoredExpired>();
  return results.map(({ leaseWorker, leaseTenant, leaseId, ...row }) => ({ ...row, tenant: leaseTenant, id: leaseId, worker: leaseWorker }));
}

/** ?1 [tenant, type, at, id, nonce, worker, place] of each. */
const move = [
  `UPDATE jobs SET wake = jobs.until FROM (SELECT value->>0 AS tenant, value->>3 AS id, value->>2 AS at, value->>4 AS nonce FROM json_each(?1)) m
   WHERE jobs.tenant = m.tenant AND jobs.id = m.id AND jobs.lease = m.nonce AND jobs.state = 'running' AND jobs.wake = m.at`,
  `INSERT INTO leases (tenant, type, at, id, worker, place) SELECT j.tenant, e.value->>1, j.wake, j.id, e.value->>5, e.value->>6
   FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>3 WHERE j.lease = e.value->>4 AND j.state = 'running' ON CONFLICT DO NOTHING`,
];

/** Deletes only rows that the job's columns no longer name. ?1 [tenant, type, at, id] of each. */
const drop = `
  DELETE FROM leases WHERE (tenant, type, at, id) IN (SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?1))
    AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.tenant = leases.tenant AND j.id = leases.id AND j.wake = leases.at AND j.state = 'running' AND j.worker IS NOT NULL)`;

/** Moves the rows of extended leases to their new ends. */
export async function moveLeases(db: D1Database, rows: readonly ExpiredLease[]): Promise<void> {
  const [list] = lists(rows.map(({ tenant, leaseType, leaseAt, id, lease, worker, place }) => [tenant, leaseType, leaseAt, id, lease, worker, place]));
  if (list !== undefined)
    await batch(
      db,
      [...move, drop].map((sql) => statement(db, sql, list)),
    );
}

/** Removes rows of `leases` of jobs that are no longer held. */
export async function dropLeases(db: D1Database, rows: readonly (Shelf & { id: string; at: number })[]): Promise<void> {
  const [list] = lists(rows.map(({ tenant, type, at, id }) => [tenant, type, at, id]));
  if (list !== undefined) await statement(db, drop, list).run();
}

/** One seek for each tenant and type with a job handed out. */
const shelvesWithLeases = `
  WITH RECURSIVE each(tenant, type) AS (
    SELECT * FROM (SELECT tenant, type FROM leases ORDER BY tenant, type LIMIT 1) UNION ALL
    SELECT (SELECT l.tenant FROM leases l WHERE (l.tenant, l.type) > (each.tenant, each.type) ORDER BY l.tenant, l.type LIMIT 1),
           (SELECT l.type FROM leases l WHERE (l.tenant, l.type) > (each.tenant, each.type) ORDER BY l.tenant, l.type LIMIT 1)
    FROM each WHERE each.tenant IS NOT NULL)
  SELECT tenant, type FROM each WHERE tenant IS NOT NULL AND EXISTS (SELECT 1 FROM leases l WHERE l.tenant = each.tenant AND l.type = each.type AND l.at <= ?1)`;

/** Shelves that have leases whose time has come. */
export async function expiredShelves(db: D1Database, now: number): Promise<Shelf[]> {
  return (await statement(db, shelvesWithLeases, now).all<Shelf>()).results;
}

export async function effect(db: D1Database, { tenant, id }: JobRef, key: string): Promise<WorkEffect | null> {
  const sql = `SELECT state, revision, result, at, holder FROM effects WHERE tenant = ? AND job = ? AND key = ?`;
  return statement(db, sql, tenant, id, key).first<WorkEffect>();
}

/** Records the key of a job's uploaded result, while the job is held under `nonce`; false otherwise. */
export async function attach(db: D1Database, { tenant, id }: JobRef, key: string, nonce: string): Promise<boolean> {
  const sql = `UPDATE jobs SET result_ref = ?3 WHERE tenant = ?1 AND id = ?2 AND lease = ?4 AND state = 'running'`;
  return (await statement(db, sql, tenant, id, key, nonce).run()).meta.changes > 0;
}

/** As the intent of a run inside the Worker, with the lease under which it began. */
const beginEffect = `
  INSERT INTO effects (tenant, job, key, revision, state, result, at, holder) SELECT ?1, ?2, ?3, ?4, ?5, NULL, ?6, ?7
  WHERE EXISTS (SELECT 1 FROM jobs WHERE tenant = ?1 AND id = ?2 AND lease = ?8 AND state = 'running' AND cancel = 0)
  ON CONFLICT DO UPDATE SET revision = excluded.revision, state = excluded.state, result = NULL, at = excluded.at, holder = excluded.holder
  WHERE excluded.revision > effects.revision OR (excluded.revision = effects.revision AND effects.state <> 'done')
  RETURNING key`;

/** Records that an effect begins, while the job is held under `nonce` and has no cancel flag; false otherwise. */
export async function begin(
  db: D1Database,
  { tenant, id, revision }: JobRef & { revision: number },
  { key, at, holder, state }: { key: string; at: number; holder: string; state: string },
  nonce: string,
): Promise<boolean> {
  const { results } = await statement(db, beginEffect, tenant, id, key, revision, state, at, holder, nonce).all();
  return results.length > 0;
}

async function update(db: D1Database, sql: string, rows: readonly unknown[]): Promise<JobRef[]> {
  const parts = lists(rows).map((list) => statement(db, sql, list));
  if (parts.length === 0) return [];
  const results = await batch(db, parts);
  return parts.flatMap((_, index) => rowsOf<JobRef>(results, index));
}
