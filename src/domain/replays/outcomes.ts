/** Jobs of one replay that one look takes. */
const maxLooked = 5000;
const maxExamples = 20;

/** ?1 tenant, ?2 replay, ?3 the job that was looked at last. A job that is no longer kept ended somehow. */
const ended = `
  WITH page AS MATERIALIZED (SELECT tenant, job FROM replay_jobs WHERE tenant = ?1 AND replay = ?2 AND job > ?3 ORDER BY job LIMIT ${maxLooked}),
  ended AS MATERIALIZED (SELECT page.job, coalesce(j.state, 'cancelled') AS state FROM page LEFT JOIN jobs j ON j.tenant = page.tenant AND j.id = page.job
    WHERE j.id IS NULL OR j.ended IS NOT NULL)`;

const count = `${ended}
  UPDATE replays SET open = replays.open - c.ended, succeeded = replays.succeeded + c.succeeded, failed_again = replays.failed_again + c.failed, cancelled = replays.cancelled + c.cancelled,
    looked = (SELECT iif(count(*) = ${maxLooked}, max(job), '') FROM page),
    examples = (SELECT json_group_array(value) FROM (SELECT value FROM json_each(replays.examples) UNION ALL
      SELECT job FROM ended WHERE state IN ('dead', 'discarded') LIMIT ${maxExamples}))
  FROM (SELECT count(*) AS ended, total(state = 'done') AS succeeded, total(state IN ('dead', 'discarded')) AS failed, total(state = 'cancelled') AS cancelled FROM ended) c
  WHERE tenant = ?1 AND id = ?2`;

const forget = `${ended}
  DELETE FROM replay_jobs WHERE tenant = ?1 AND replay = ?2 AND job IN (SELECT job FROM ended)`;

/**
 * Counts how the jobs that a replay sent have ended, each once: its row goes in the same transaction. Of more than 5,000 open jobs one page;
 * the next call goes on behind it.
 */
export async function countOutcomes(db: D1Database, { tenant, id, looked }: { tenant: string; id: string; looked: string }): Promise<void> {
  await db.batch([count, forget].map((sql) => db.prepare(sql).bind(tenant, id, looked)));
}
