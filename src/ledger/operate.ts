import { decisionPrefix } from "../queue/effect";
import type { JobRef } from "../queue/ports/job-row";
import type { Revived } from "../queue/ports/operator-ledger";
import type { Revival } from "../queue/ports/operator-ledger";
import type { Burial } from "../queue/ports/run-ledger";
import type { StoredJob } from "../queue/ports/tick-ledger";
import { isDerived, slotOf, timeOf } from "../queue/id";
import { redact } from "../masking/redact";
import type { JobState } from "../queue/state";
import { batch, lists, rowsOf, statement } from "../d1";
import { doubtful } from "./doubt";
import { failureKind } from "./failure-kind";
import { failureStatements } from "./failures";
import { stored, toStored } from "./sweep";

/** ?1 tenant, ?2 ids. */
const named = "tenant = ?1 AND id IN (SELECT value FROM json_each(?2))";

const cancelFree = `
  UPDATE jobs SET state = 'cancelled', ended = ?3, due = NULL, sent = NULL, cancel = 1, doubt = iif(state = 'running', ${doubtful}, doubt)
  WHERE ${named} AND (state IN ('queued', 'retrying', 'waiting') OR (state = 'running' AND until <= ?3)) RETURNING id`;

const flagHeld = `UPDATE jobs SET cancel = 1 WHERE ${named} AND state = 'running' RETURNING id`;

const noteCancel = `
  INSERT INTO history (tenant, job, at, event, detail) SELECT tenant, id, ?3, 'cancelled', NULL FROM jobs
  WHERE ${named} AND state = 'cancelled' AND ended = ?3 ON CONFLICT DO NOTHING`;

/** A cancelled job has no side rows. */
const dropSides = [
  `DELETE FROM due WHERE (tenant, at, id) IN (SELECT tenant, wake, id FROM jobs WHERE ${named} AND state = 'cancelled' AND gate IS NULL)`,
  `DELETE FROM parked WHERE (tenant, gate, at, id) IN (SELECT tenant, gate, wake, id FROM jobs WHERE ${named} AND state = 'cancelled')`,
];

/** Inserts a row without a queue for a job that has none yet: its message, or its late row, fills in the other columns. ?1 [tenant, id, slot, at] of each. */
const insertUnwritten = `
  INSERT INTO jobs (tenant, id, slot, at, type, version, queue, state, seq, max)
  SELECT value->>0, value->>1, value->>2, value->>3, 'unknown', 0, '', 'queued', 0, 1 FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING`;

/** Cancels a job without a lease at once and flags one with a lease. `unwrittenAt`: when a job without a row was accepted. Null: there is no such job. */
export async function cancel(
  db: D1Database,
  ref: JobRef,
  now: number,
  unwrittenAt?: number,
): Promise<{ state: JobState; flagged: boolean; changed: boolean } | null> {
  const first = unwrittenAt === undefined ? [] : unwrittenStatements(db, [{ ...ref, at: unwrittenAt }]);
  const all = await batch(db, [
    ...first,
    ...cancelStatements(db, ref.tenant, [ref.id], now),
    statement(db, `SELECT state FROM jobs WHERE tenant = ? AND id = ?`, ref.tenant, ref.id),
  ]);
  const results = all.slice(first.length);
  const [row] = rowsOf<{ state: JobState }>(results, results.length - 1);
  if (!row) return null;
  const flagged = rowsOf(results, 1).length > 0;
  return { state: row.state, flagged, changed: flagged || rowsOf(results, 0).length > 0 };
}

/** As `cancel`, for some hundred jobs of one tenant at once, those without a row too; returns how many were cancelled or flagged. */
export async function cancelAll(db: D1Database, tenant: string, ids: readonly string[], now: number): Promise<number> {
  const first = unwrittenStatements(
    db,
    ids.map((id) => ({ tenant, id, at: timeOf(id) ?? now })),
  );
  const results = (await batch(db, [...first, ...cancelStatements(db, tenant, ids, now)])).slice(first.length);
  return rowsOf(results, 0).length + rowsOf(results, 1).length;
}

function unwrittenStatements(db: D1Database, jobs: readonly (JobRef & { at: number })[]): D1PreparedStatement[] {
  const list = JSON.stringify(jobs.map(({ tenant, id, at }) => [tenant, id, isDerived(id) ? slotOf(id, at) : null, at]));
  return [statement(db, insertUnwritten, list)];
}

/** The first statement returns the jobs that were cancelled, the second those that were flagged. */
function cancelStatements(db: D1Database, tenant: string, ids: readonly string[], now: number): D1PreparedStatement[] {
  const list = JSON.stringify(ids);
  return [
    statement(db, cancelFree, tenant, list, now),
    statement(db, flagHeld, tenant, list),
    statement(db, noteCancel, tenant, list, now),
    ...dropSides.map((sql) => statement(db, sql, tenant, list)),
  ];
}

/** No effect of this revision was made or is in doubt: the job may send other content under other keys. */
const untouched = `
  j.doubt = 0 AND NOT EXISTS (SELECT 1 FROM effects f
    WHERE f.tenant = j.tenant AND f.job = j.id AND f.revision = j.revision AND f.state IN ('done', 'intent', 'uncertain')
      AND substr(f.key, 1, ${decisionPrefix.length}) <> '${decisionPrefix}')`;

/** A row without a queue cannot be sent yet. */
const endedBefore = "(e.value->>2 IS NULL OR j.ended < e.value->>2) AND j.queue <> ''";

/**
 * ?1 of each job [tenant, id, ended before or null, patched payload or null, its version]. ?2 due, ?3 sent, ?4 wake, ?5 boot, ?6 the states it may be
 * in, ?7 now. One run stays counted: it may have left effects. `ref` stays beside a patched payload: by it the object in R2 is removed one day.
 */
const bringToLife = `
  UPDATE jobs SET state = 'queued', seq = jobs.seq + 1, attempt = 0, due = ?2, sent = ?3, wake = ?4, gate = NULL, boot = ?5,
    cancel = 0, crash = 0, sweeps = 0, until = 0, ended = NULL, reason = NULL, provider_message = NULL, result = NULL,
    runs = iif(jobs.ended IS NULL, jobs.runs, min(jobs.runs, 1)), born = iif(jobs.ended IS NULL, jobs.born, NULL), started = iif(jobs.ended IS NULL, jobs.started, NULL),
    revision = jobs.revision + (r.anew AND (r.payload IS NOT NULL OR jobs.runs > 0)), pinned = iif(r.anew, ?7, jobs.pinned), doubt = iif(r.anew, 0, jobs.doubt),
    payload = coalesce(r.payload, jobs.payload), version = coalesce(r.version, jobs.version)
  FROM (SELECT j.tenant, j.id, e.value->>3 AS payload, e.value->>4 AS version, e.value->>3 IS NOT NULL OR (${untouched}) AS anew
    FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1 AND ${endedBefore}) r
  WHERE jobs.tenant = r.tenant AND jobs.id = r.id AND jobs.state IN (SELECT value FROM json_each(?6))
  RETURNING ${stored}`;

/** Selects the side rows of the jobs that are brought back. ?1 as above, ?2 the states they may be in. */
const revived = (key: string) => `
  SELECT ${key} FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1 AND ${endedBefore} WHERE j.state IN (SELECT value FROM json_each(?2))`;
const dropSideRows = [
  `DELETE FROM dead_letters WHERE (tenant, died, id) IN (${revived("j.tenant, j.ended, j.id")})`,
  `DELETE FROM due WHERE (tenant, at, id) IN (${revived("j.tenant, j.wake, j.id")})`,
  `DELETE FROM parked WHERE (tenant, gate, at, id) IN (${revived("j.tenant, j.gate, j.wake, j.id")})`,
];
const addDue = `
  INSERT INTO due (tenant, at, id) SELECT j.tenant, j.wake, j.id FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1
  WHERE j.wake IS NOT NULL AND j.gate IS NULL AND j.ended IS NULL ON CONFLICT DO NOTHING`;
/** ?5 the replay, or null. */
const noteRevival = `INSERT INTO history (tenant, job, at, event, detail) ${revived("j.tenant, j.id, ?3, ?4, ?5")} ON CONFLICT DO NOTHING`;

/** ?3 the replay. A job that it sent before and whose end is not counted yet counts as sent once. */
const noteSent = [
  `UPDATE replays SET done = replays.done + s.sent, open = replays.open + s.sent FROM (SELECT min(j.tenant) AS tenant, count(*) AS sent
     FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1 AND ${endedBefore}
     WHERE j.state IN (SELECT value FROM json_each(?2)) AND NOT EXISTS (SELECT 1 FROM replay_jobs r WHERE r.tenant = j.tenant AND r.replay = ?3 AND r.job = j.id)) s
   WHERE replays.tenant = s.tenant AND replays.id = ?3`,
  `INSERT INTO replay_jobs (tenant, replay, job) ${revived("j.tenant, ?3, j.id")} ON CONFLICT DO NOTHING`,
];

/** Brings jobs back to `queued` under a raised seq and deletes their dead letters. */
export async function revive(db: D1Database, rows: readonly Revived[], how: Revival, now: number): Promise<StoredJob[]> {
  if (rows.length === 0) return [];
  const whole = lists(
    rows.map(({ tenant, id, endedBefore, patched }) => [tenant, id, endedBefore ?? null, patched?.payload ?? null, patched?.version ?? null]),
  );
  const from = JSON.stringify(how.from);
  const { due, sent, wake } = how.place;
  const before = whole.flatMap((list) => [
    ...dropSideRows.map((sql) => statement(db, sql, list, from)),
    statement(db, noteRevival, list, from, now, how.event, how.replay ?? null),
    ...(how.replay === undefined ? [] : noteSent).map((sql) => statement(db, sql, list, from, how.replay ?? null)),
  ]);
  const results = await batch(db, [
    ...before,
    ...whole.map((list) => statement(db, bringToLife, list, due, sent, wake, how.boot, from, now)),
    ...whole.map((list) => statement(db, addDue, list)),
  ]);
  return whole.flatMap((_, index) => rowsOf<Parameters<typeof toStored>[0]>(results, before.length + index)).map(toStored);
}

const buryJob = `
  INSERT INTO jobs (tenant, id, type, version, queue, state, seq, max, at, ended, fp, reason, slot, payload, ref, dry)
  SELECT value->>0, value->>1, value->>2, value->>9, value->>3, 'discarded', 0, value->>12, ?2, ?2, value->>4, value->>5, value->>6, value->>7, value->>10, value->>11
  FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING`;
const buryLetter = `
  INSERT INTO dead_letters (tenant, died, id, type, state, reason, kind, attempt, at)
  SELECT j.tenant, j.ended, j.id, j.type, 'discarded', j.reason, e.value->>8, 0, j.at
  FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1 WHERE j.ended = ?2 AND j.state = 'discarded' ON CONFLICT DO NOTHING`;

/** Records messages that are no jobs as discarded, with the raw body as payload. A repeat adds no row. */
export async function bury(db: D1Database, rows: readonly Burial[], now: number): Promise<void> {
  if (rows.length === 0) return;
  const columns = await Promise.all(
    rows.map(async ({ tenant, id, type, version, queue, raw, ref, reason, fp, dry, maxAttempts = 1 }) => {
      const slot = isDerived(id) ? slotOf(id, now) : null;
      const payload = ref !== undefined ? null : type === "unknown" ? JSON.stringify(raw) : raw;
      return [
        tenant,
        id,
        type,
        queue,
        fp,
        redact(reason),
        slot,
        payload,
        await failureKind(type, redact(reason)),
        version,
        ref ?? null,
        dry ? 1 : 0,
        maxAttempts,
      ];
    }),
  );
  const parts = lists(columns);
  await batch(db, [
    ...(await failureStatements(
      db,
      rows.map(({ tenant, id, type, reason }) => ({ tenant, id, type, reason: redact(reason) })),
      now,
      null,
    )),
    ...parts.map((list) => statement(db, buryJob, list, now)),
    ...parts.map((list) => statement(db, buryLetter, list, now)),
  ]);
}
