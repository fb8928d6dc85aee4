import { anyKey, type EffectRecord } from "../queue/effect";
import type { JobRef } from "../queue/ports/job-row";
import { batch, lists, refLists, rowsOf, statement } from "../d1";

const effectsOf = `
  SELECT f.tenant, f.job AS id, f.key, f.revision, f.state, f.result, f.at
  FROM json_each(?1) e JOIN effects f ON f.tenant = e.value->>0 AND f.job = e.value->>1
  UNION ALL SELECT j.tenant, j.id, '${anyKey}', j.revision, 'intent', NULL, j.doubt
  FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1 WHERE j.doubt > 0`;

/** An effect that is done stays done, and a slow run overwrites no record of a later revision. */
const unlessNewer = `
  ON CONFLICT DO UPDATE SET revision = excluded.revision, state = excluded.state, result = excluded.result, at = excluded.at
  WHERE excluded.revision > effects.revision OR (excluded.revision = effects.revision AND (effects.state <> 'done' OR excluded.state = 'done'))`;

/** ?8 token or null: with a token the effect is recorded only while the token holds the job and its cancel flag is not set. */
const upsertEffect = `
  INSERT INTO effects (tenant, job, key, revision, state, result, at)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
  WHERE ?8 IS NULL OR EXISTS (SELECT 1 FROM jobs WHERE tenant = ?1 AND id = ?2 AND lease = ?8 AND state = 'running' AND cancel = 0)
  ${unlessNewer}
  RETURNING key`;

/** Many records at once and without a token: these effects happened, whichever run holds their jobs now. */
const upsertEffects = `
  INSERT INTO effects (tenant, job, key, revision, state, result, at)
  SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6 FROM json_each(?1) WHERE true
  ${unlessNewer}`;

const saveCursor = `UPDATE jobs SET cursor = ?4, attempt = 0, sweeps = 0, checkpoints = checkpoints + 1, checkpointed = ?5 WHERE tenant = ?1 AND id = ?2 AND lease = ?3 AND state = 'running'`;

/** Makes the whole batch fail when another run holds the job or its cancel flag is set: json() of a text that is no JSON is an error. */
const orFail = `SELECT json(iif(EXISTS (SELECT 1 FROM jobs WHERE tenant = ?1 AND id = ?2 AND lease = ?3 AND state = 'running' AND cancel = 0), '0', 'lease lost'))`;

/** ?2 token. */
const saveProgress = `
  UPDATE jobs SET progress = p.progress
  FROM (SELECT value->>0 AS tenant, value->>1 AS id, value->>2 AS progress FROM json_each(?1)) p
  WHERE jobs.tenant = p.tenant AND jobs.id = p.id AND jobs.lease = ?2 AND jobs.state = 'running'`;

const lookAt = `
  SELECT j.tenant, j.id, j.cancel, j.lease = ?2 AND j.state = 'running' AS held
  FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1`;

export async function effects(db: D1Database, refs: readonly JobRef[]): Promise<(JobRef & EffectRecord)[]> {
  const parts = refLists(refs);
  const results = await batch(
    db,
    parts.map((list) => statement(db, effectsOf, list)),
  );
  return parts.flatMap((_, index) => rowsOf<JobRef & EffectRecord>(results, index));
}

export async function recordEffect(db: D1Database, job: JobRef, effect: EffectRecord, token: string | null): Promise<boolean> {
  const { key, revision, state, result, at } = effect;
  const results = await batch(db, [statement(db, upsertEffect, job.tenant, job.id, key, revision, state, result, at, token)]);
  return token === null || rowsOf(results, 0).length > 0;
}

/** Records effects that happened. */
export async function recordEffects(db: D1Database, rows: readonly (JobRef & EffectRecord)[]): Promise<never[]> {
  const columns = rows.map(({ tenant, id, key, revision, state, result, at }) => [tenant, id, key, revision, state, result, at]);
  await batch(
    db,
    lists(columns).map((list) => statement(db, upsertEffects, list)),
  );
  return [];
}

/** The domain's writes and the cursor commit together, or not at all. */
export async function checkpoint(db: D1Database, job: JobRef, cursor: string, writes: readonly unknown[], token: string, now: number): Promise<boolean> {
  const fence = statement(db, orFail, job.tenant, job.id, token);
  const save = statement(db, saveCursor, job.tenant, job.id, token, cursor, now);
  try {
    await db.batch([fence, ...(writes as D1PreparedStatement[]), save]);
    return true;
  } catch (thrown) {
    if (await isHeld(db, job, token)) throw thrown;
    return false;
  }
}

export async function heartbeat(
  db: D1Database,
  runs: readonly (JobRef & { progress: string | null })[],
  token: string,
): Promise<(JobRef & { held: boolean; cancel: boolean })[]> {
  const progressed = lists(runs.flatMap(({ tenant, id, progress }) => (progress === null ? [] : [[tenant, id, progress]])));
  const parts = refLists(runs);
  const writes = progressed.map((list) => statement(db, saveProgress, list, token));
  const results = await batch(db, [...writes, ...parts.map((list) => statement(db, lookAt, list, token))]);
  const rows = parts.flatMap((_, index) => rowsOf<JobRef & { cancel: number; held: number | null }>(results, writes.length + index));
  return rows.map(({ tenant, id, cancel, held }) => ({ tenant, id, held: held === 1, cancel: cancel === 1 }));
}

async function isHeld(db: D1Database, job: JobRef, token: string): Promise<boolean> {
  const sql = `SELECT 1 AS held FROM jobs WHERE tenant = ? AND id = ? AND lease = ? AND state = 'running' AND cancel = 0`;
  return (await statement(db, sql, job.tenant, job.id, token).first()) !== null;
}
