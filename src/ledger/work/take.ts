import { batch, lists, rowsOf, statement } from "../../d1";
import type { JobRef, Pause } from "../../queue/ports/job-row";
import { keyOf } from "../../queue/ref";
import { type HeldJob, type Look, type PullKey, pullMemoryMs, type PullRecord, type PullLimits, type Shelf, type ShelfLook, type WaitingShelf } from "./model";

/** Jobs on a shelf are counted up to this. */
const maxCounted = 100;

export const heldColumns = `j.tenant, j.id, j.type, j.version, j.queue, j.state, j.seq, j.attempt, j.max, j.runs, j.at, j.born, j.pinned, j.revision, j.reason,
  j.cursor, j.progress, j.wake, j.gate, j.lease, j.until, j.cancel, j.crash, j.dry, j.ended, j.ref, j.fp, j.parent, j.trace, j.worker, j.offered, j.taken, j.extension, j.settled, j.entered,
  j.result_ref AS resultRef`;

const waiting = `(SELECT count(*) FROM (SELECT 1 FROM parked p WHERE p.tenant = s.tenant AND p.gate = 'worker/' || s.type LIMIT ${maxCounted}))`;
const isExpired = `EXISTS (SELECT 1 FROM leases l WHERE l.tenant = s.tenant AND l.type = s.type AND l.at <= ?2)`;
const looked = `SELECT s.tenant, s.type, ${waiting} AS waiting, ${isExpired} AS expired`;

/** ?1 [tenant, type] of each, ?2 now. */
const ownShelves = `${looked} FROM (SELECT value->>0 AS tenant, value->>1 AS type FROM json_each(?1)) s`;

const eachTenant = (table: string, name: string) => `
  ${name}(tenant) AS (SELECT min(tenant) FROM ${table} UNION ALL
    SELECT (SELECT min(t.tenant) FROM ${table} t WHERE t.tenant > ${name}.tenant) FROM ${name} WHERE ${name}.tenant IS NOT NULL)`;

/** ?1 types, ?2 now: one seek for each tenant that has anything parked or handed out. */
const allShelves = `
  WITH RECURSIVE ${eachTenant("parked", "waits")}, ${eachTenant("leases", "holds")}
  SELECT * FROM (${looked} FROM (
    SELECT t.tenant, y.value AS type FROM (SELECT tenant FROM waits UNION SELECT tenant FROM holds) t CROSS JOIN json_each(?1) y WHERE t.tenant IS NOT NULL) s)
  WHERE waiting > 0 OR expired`;

const recordOf = `SELECT owner, pull, nonce, worker, body, at FROM pulls WHERE owner = ?1 AND pull = ?2`;

/** Counts the jobs that the worker holds. ?1 worker, ?2 tenants, or null for all. */
const holding = `
  SELECT count(*) AS n FROM (SELECT 1 FROM leases l WHERE l.worker = ?1 AND (?2 IS NULL OR l.tenant IN (SELECT value FROM json_each(?2))) LIMIT 1000)`;

/** The jobs waiting on these shelves; with types alone, on the shelves of all tenants. */
export async function look(
  db: D1Database,
  shelves: readonly Shelf[] | { types: readonly string[] },
  { owner, pull }: PullKey,
  worker: string,
  now: number,
): Promise<Look> {
  const tenants = "types" in shelves ? null : JSON.stringify([...new Set(shelves.map(({ tenant }) => tenant))]);
  const shelfQuery =
    "types" in shelves
      ? statement(db, allShelves, JSON.stringify(shelves.types), now)
      : statement(db, ownShelves, JSON.stringify(shelves.map(({ tenant, type }) => [tenant, type])), now);
  const results = await batch(db, [
    shelfQuery,
    statement(db, `SELECT tenant, scope, name FROM pauses`),
    statement(db, recordOf, owner, pull),
    statement(db, holding, worker, tenants),
  ]);
  const found = rowsOf<Omit<ShelfLook, "expired"> & { expired: number }>(results, 0);
  return {
    shelves: found.map((shelf) => ({ ...shelf, expired: shelf.expired === 1 })),
    pauses: rowsOf<Pause>(results, 1),
    record: rowsOf<PullRecord>(results, 2)[0] ?? null,
    holding: rowsOf<{ n: number }>(results, 3)[0]?.n ?? 0,
  };
}

/**
 * Writes the chosen jobs into the pull's row, from which the next statements read them: a repeated statement, or a second request with the same
 * pull, takes no further jobs. ?1 owner, ?2 pull, ?3 nonce, ?4 worker, ?5 body, ?6 now, ?7 [tenant, type, count, versions, offer, extension] of each share.
 */
const choose = `
  INSERT INTO pulls (owner, pull, nonce, worker, body, at, jobs)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6, s.jobs FROM (
    SELECT json_group_array(json_array(g.value->>0, p.value->>1, g.value->>1, p.value->>0, g.value->>4, g.value->>5)) AS jobs
    FROM json_each(?7) g CROSS JOIN json_each((SELECT json_group_array(json_array(e.at, e.id)) FROM (
      SELECT r.at, r.id FROM parked r CROSS JOIN jobs j ON j.tenant = r.tenant AND j.id = r.id
      WHERE r.tenant = g.value->>0 AND r.gate = 'worker/' || (g.value->>1) AND j.state = 'queued' AND j.gate = r.gate AND j.cancel = 0
        AND (g.value->>3 IS NULL OR j.version IN (SELECT value FROM json_each(g.value->>3)))
      ORDER BY r.at, r.id LIMIT ${maxCounted}) e)) p
    WHERE p.key < g.value->>2) s
  WHERE s.jobs <> '[]' ON CONFLICT DO NOTHING`;

const chosen = `
  (SELECT q.value->>0 AS tenant, q.value->>1 AS id, q.value->>2 AS type, q.value->>3 AS place, q.value->>4 AS offer, q.value->>5 AS extension
   FROM pulls u, json_each(u.jobs) q WHERE u.owner = ?1 AND u.pull = ?2 AND u.nonce = ?3) t`;

/** A raised seq makes every message about the job stale. ?4 now, ?5 boot, ?6 worker. */
const hold = `
  UPDATE jobs SET state = 'running', lease = ?3, until = ?4 + t.offer, wake = ?4 + t.offer, runs = jobs.runs + 1, seq = jobs.seq + 1,
    born = coalesce(jobs.born, ?4), started = coalesce(jobs.started, ?4), begun = ?4, boot = ?5, worker = ?6, offered = 1, taken = ?4, extension = t.extension,
    settled = NULL, entered = NULL
  FROM ${chosen} WHERE jobs.tenant = t.tenant AND jobs.id = t.id AND jobs.state = 'queued' AND jobs.gate = 'worker/' || t.type AND jobs.cancel = 0`;

const watch = `
  INSERT INTO leases (tenant, type, at, id, worker, place) SELECT t.tenant, t.type, j.wake, t.id, ?4, t.place
  FROM ${chosen} JOIN jobs j ON j.tenant = t.tenant AND j.id = t.id WHERE j.lease = ?3 AND j.state = 'running' ON CONFLICT DO NOTHING`;

const clear = `DELETE FROM parked WHERE (tenant, gate, at, id) IN (SELECT t.tenant, 'worker/' || t.type, t.place, t.id FROM ${chosen})`;

const holds = `
  SELECT ${heldColumns} FROM pulls u, json_each(u.jobs) q CROSS JOIN jobs j ON j.tenant = q.value->>0 AND j.id = q.value->>1
  WHERE u.owner = ?1 AND u.pull = ?2 AND j.lease = u.nonce AND j.state = 'running'`;

/** Takes what the shares allow, unless this pull took something before; returns what the pull holds now, taken by this call or an earlier one. */
export async function take(
  db: D1Database,
  { owner, pull, nonce, worker, body }: PullRecord,
  shares: readonly PullLimits[],
  boot: string,
  now: number,
): Promise<{ record: PullRecord | null; jobs: HeldJob[] }> {
  const shareList = JSON.stringify(shares.map(({ tenant, type, count, versions, offer, extension }) => [tenant, type, count, versions, offer, extension]));
  const results = await batch(db, [
    statement(db, `DELETE FROM pulls WHERE owner = ?1 AND pull = ?2 AND at <= ?3`, owner, pull, now - pullMemoryMs),
    statement(db, choose, owner, pull, nonce, worker, body, now, shareList),
    statement(db, hold, owner, pull, nonce, now, boot, worker),
    statement(db, watch, owner, pull, nonce, worker),
    statement(db, clear, owner, pull, nonce),
    statement(db, recordOf, owner, pull),
    statement(db, holds, owner, pull),
  ]);
  return { record: rowsOf<PullRecord>(results, 5)[0] ?? null, jobs: rowsOf<HeldJob>(results, 6) };
}

/** What a pull took and still holds. */
export async function takenBy(db: D1Database, { owner, pull }: PullKey): Promise<HeldJob[]> {
  return (await statement(db, holds, owner, pull).all<HeldJob>()).results;
}

/** Stores a pull that took nothing, unless one with its id exists: another request with this id that still waits then takes nothing either. */
export async function close(db: D1Database, { owner, pull, nonce, worker, body, at }: PullRecord): Promise<void> {
  const sql = `INSERT INTO pulls (owner, pull, nonce, worker, body, at, jobs) VALUES (?, ?, ?, ?, ?, ?, '[]') ON CONFLICT DO NOTHING`;
  await statement(db, sql, owner, pull, nonce, worker, body, at).run();
}

/** Deletes a pull whose jobs were not handed out. */
export async function forget(db: D1Database, { owner, pull, nonce }: PullRecord): Promise<void> {
  await statement(db, `DELETE FROM pulls WHERE owner = ? AND pull = ? AND nonce = ?`, owner, pull, nonce).run();
}

/** Deletes the pulls made before a time. */
export async function forgetPulls(db: D1Database, before: number): Promise<number> {
  return (await statement(db, `DELETE FROM pulls WHERE at <= ?`, before).run()).meta.changes;
}

/** Payloads read in one statement: each has at most 96 KiB, so these fit D1's limit for an answer. */
const payloadsAtOnce = 15;

/** JSON text of inline payloads, by `keyOf`. */
export async function payloads(db: D1Database, refs: readonly { tenant: string; id: string }[]): Promise<Map<string, string | null>> {
  const sql = `SELECT j.tenant, j.id, j.payload FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1`;
  const found = new Map<string, string | null>();
  for (let from = 0; from < refs.length; from += payloadsAtOnce) {
    const [list = "[]"] = lists(refs.slice(from, from + payloadsAtOnce).map(({ tenant, id }) => [tenant, id]));
    const { results } = await statement(db, sql, list).all<JobRef & { payload: string | null }>();
    for (const row of results) found.set(keyOf(row), row.payload);
  }
  return found;
}

/** The jobs waiting for remote workers, of all tenants: one seek for each gate where a job is parked. */
const waitingShelves = `
  WITH RECURSIVE each(tenant, gate) AS (
    SELECT * FROM (SELECT tenant, gate FROM parked ORDER BY tenant, gate LIMIT 1) UNION ALL
    SELECT n.value->>0, n.value->>1 FROM each, json_each(json_array((
      SELECT json_array(p.tenant, p.gate) FROM parked p WHERE (p.tenant, p.gate) > (each.tenant, each.gate) ORDER BY p.tenant, p.gate LIMIT 1))) n
    WHERE n.value IS NOT NULL)
  SELECT e.tenant, substr(e.gate, 8) AS type,
    (SELECT count(*) FROM (SELECT 1 FROM parked p WHERE p.tenant = e.tenant AND p.gate = e.gate LIMIT 10000)) AS waiting,
    (SELECT j.at FROM parked p CROSS JOIN jobs j ON j.tenant = p.tenant AND j.id = p.id WHERE p.tenant = e.tenant AND p.gate = e.gate ORDER BY p.at LIMIT 1) AS since
  FROM each e WHERE substr(e.gate, 1, 7) = 'worker/' LIMIT 1000`;

/** Shelves of all tenants on which jobs wait; the first 1,000. */
export async function waitingAtWorkers(db: D1Database): Promise<WaitingShelf[]> {
  return (await statement(db, waitingShelves).all<WaitingShelf>()).results;
}
