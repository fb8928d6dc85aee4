import { decisionPrefix } from "../queue/effect";
import type { JobRef } from "../queue/ports/job-row";
import { batch, rowsOf, statement } from "../d1";

/** What an operator found at the provider: it happened, or it certainly did not. */
type EffectReview = "done" | "failed";

/**
 * An effect in doubt has a row. A run that died with its Worker may have left none: then the job's column `doubt` is set. A decision of a run is no act
 * on the outside world, so it cannot be reviewed: settled without its value, it would leave the next run without the decision.
 */
const decide = `
  INSERT INTO effects (tenant, job, key, revision, state, result, at)
  SELECT j.tenant, j.id, ?3, j.revision, ?4, NULL, ?5 FROM jobs j
  WHERE j.tenant = ?1 AND j.id = ?2 AND j.state <> 'running' AND substr(?3, 1, ${decisionPrefix.length}) <> '${decisionPrefix}' AND (j.doubt > 0
    OR EXISTS (SELECT 1 FROM effects f WHERE f.tenant = ?1 AND f.job = ?2 AND f.key = ?3 AND f.state IN ('intent', 'uncertain')))
  ON CONFLICT DO UPDATE SET state = excluded.state, result = NULL, at = excluded.at WHERE effects.state IN ('intent', 'uncertain') RETURNING key`;

/** A job is no longer in doubt once none of its effects is. ?2 ids. */
const clear = `
  UPDATE jobs SET doubt = 0 WHERE tenant = ?1 AND id IN (SELECT value FROM json_each(?2)) AND doubt > 0
    AND NOT EXISTS (SELECT 1 FROM effects f WHERE f.tenant = ?1 AND f.job = jobs.id AND f.state IN ('intent', 'uncertain'))`;

/** ?2 ids. */
const dropLetters = `
  DELETE FROM dead_letters WHERE (tenant, died, id) IN (SELECT tenant, ended, id FROM jobs WHERE tenant = ?1 AND id IN (SELECT value FROM json_each(?2))) RETURNING id`;
const noteDismissed = `
  INSERT INTO history (tenant, job, at, event, detail) SELECT l.tenant, l.id, ?3, 'dismissed', NULL FROM jobs j
  JOIN dead_letters l ON l.tenant = j.tenant AND l.died = j.ended AND l.id = j.id
  WHERE j.tenant = ?1 AND j.id IN (SELECT value FROM json_each(?2)) ON CONFLICT DO NOTHING`;

const note = `INSERT INTO history (tenant, job, at, event, detail) SELECT tenant, id, ?3, ?4, ?5 FROM jobs WHERE tenant = ?1 AND id = ?2 ON CONFLICT DO NOTHING`;

/**
 * Settles an effect in doubt: a retry skips it (`done`) or does it again under a new key (`failed`). The effect's row keeps its revision.
 * False: the effect is not in doubt, or the job runs.
 */
export async function resolveUncertainEffect(db: D1Database, ref: JobRef, key: string, finding: EffectReview, now: number): Promise<boolean> {
  const results = await batch(db, [statement(db, decide, ref.tenant, ref.id, key, finding, now)]);
  if (rowsOf(results, 0).length === 0) return false;
  const detail = `"${key}" ${phrases[finding]}`;
  await batch(db, [statement(db, clear, ref.tenant, JSON.stringify([ref.id])), statement(db, note, ref.tenant, ref.id, now, "reviewed", detail)]);
  return true;
}

const phrases = { done: "happened", failed: "did not happen" };

/** Condition on an effect `f`: it is in doubt, and a person can settle it. */
const isInDoubt = `f.state IN ('intent', 'uncertain') AND substr(f.key, 1, ${decisionPrefix.length}) <> '${decisionPrefix}'`;

/** A condition of SQL: the job has an effect that a person has to settle. `tenant` and `job` are expressions, never input. */
export function hasEffectInDoubt(tenant: string, job: string): string {
  return `EXISTS (SELECT 1 FROM effects f WHERE f.tenant = ${tenant} AND f.job = ${job} AND ${isInDoubt})`;
}

/**
 * ?2 ids, ?5 types that make one effect. Jobs that do not run, with the only effect that is in doubt. `doubt` of another type's job may stand for an
 * act that has no row.
 */
const singleDoubts = `
  SELECT f.job, min(f.key) AS key FROM json_each(?2) e CROSS JOIN jobs j ON j.tenant = ?1 AND j.id = e.value CROSS JOIN effects f ON f.tenant = ?1 AND f.job = j.id
  WHERE j.state <> 'running' AND (j.doubt = 0 OR j.type IN (SELECT value FROM json_each(?5))) AND ${isInDoubt} GROUP BY f.job HAVING count(DISTINCT f.key) = 1`;
const noteSettled = `
  INSERT INTO history (tenant, job, at, event, detail) SELECT ?1, job, ?3, 'reviewed', '"' || key || '" ' || ?4 FROM (${singleDoubts}) WHERE true
  ON CONFLICT DO NOTHING`;
const settleAll = `
  UPDATE effects SET state = ?4, result = NULL, at = ?3 WHERE tenant = ?1 AND (job, key) IN (SELECT job, key FROM (${singleDoubts})) RETURNING job`;

/**
 * As `resolveUncertainEffect`, for some hundred jobs of one tenant that each have one effect in doubt; returns the ids of those that were settled. A job
 * with several such effects is left alone: one finding cannot be true of all of them unseen. So is a job that may have made another act without a record;
 * `oneEffectTypes` are the types whose jobs cannot.
 */
export async function resolveSingleDoubts(
  db: D1Database,
  tenant: string,
  ids: readonly string[],
  { finding, now, oneEffectTypes }: { finding: EffectReview; now: number; oneEffectTypes: readonly string[] },
): Promise<string[]> {
  const [list, types] = [JSON.stringify(ids), JSON.stringify(oneEffectTypes)];
  const results = await batch(db, [
    statement(db, noteSettled, tenant, list, now, phrases[finding], types),
    statement(db, settleAll, tenant, list, now, finding, types),
  ]);
  const settled = rowsOf<{ job: string }>(results, 1).map(({ job }) => job);
  if (settled.length > 0) await batch(db, [statement(db, clear, tenant, JSON.stringify(settled))]);
  return settled;
}

/** ?2 ids. */
const inDoubt = `
  SELECT f.job, f.key FROM json_each(?2) e CROSS JOIN effects f ON f.tenant = ?1 AND f.job = e.value
  WHERE ${isInDoubt} ORDER BY f.job, f.key LIMIT 500`;

/** ?2 a failure group. Of the newest dead letters as many as a list of failures counts. */
const groupInDoubt = `
  SELECT count(*) AS count FROM (SELECT d.id, d.kind FROM dead_letters d WHERE d.tenant = ?1 ORDER BY d.died DESC LIMIT 10000) d
  WHERE d.kind = ?2 AND ${hasEffectInDoubt("?1", "d.id")}`;

/** How many dead letters of a failure group have an effect in doubt. */
export async function lettersInDoubt(db: D1Database, tenant: string, group: string): Promise<number> {
  return (await statement(db, groupInDoubt, tenant, group).first<{ count: number }>())?.count ?? 0;
}

/** Keys of the effects in doubt of these jobs, by the id of the job. */
export async function effectsInDoubt(db: D1Database, tenant: string, ids: readonly string[]): Promise<Map<string, string[]>> {
  const { results } = await statement(db, inDoubt, tenant, JSON.stringify(ids)).all<{ job: string; key: string }>();
  return new Map([...Map.groupBy(results, ({ job }) => job)].map(([job, rows]) => [job, rows.map(({ key }) => key)]));
}

/** Removes a dead letter from the list; the job stays readable. False: the job is no dead letter. */
export async function dismiss(db: D1Database, ref: JobRef, now: number): Promise<boolean> {
  return (await dismissAll(db, ref.tenant, [ref.id], now)) > 0;
}

/** As `dismiss`, for some hundred jobs of one tenant at once; returns how many were dead letters. */
export async function dismissAll(db: D1Database, tenant: string, ids: readonly string[], now: number): Promise<number> {
  const list = JSON.stringify(ids);
  const results = await batch(db, [statement(db, noteDismissed, tenant, list, now), statement(db, dropLetters, tenant, list)]);
  return rowsOf(results, 1).length;
}
