import { changes, statement } from "../../d1";
import { type Replay, type Resumption, stoppedByOperator } from "./model";
import { actorNameSql, createReplayQueries } from "./queries";
import { toStoredRequest } from "./stored-request";

/** The writes of replays, and their reads. */
export type ReplayStore = ReturnType<typeof createReplayStore>;

export function createReplayStore(db: D1Database) {
  const queries = createReplayQueries(db);
  return {
    ...queries,
    /** Returns it with the name of who began it; null: there is one of this id. */
    async insert(replay: Replay): Promise<Replay | null> {
      const { tenant, id, state, request, total, failed, cursor, at, endedAt, actor } = replay;
      const sql = `INSERT INTO replays (tenant, id, state, request, total, done, failed, cursor, at, ended, actor) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)
        ON CONFLICT DO NOTHING RETURNING ${actorNameSql("replays.actor")} AS actorName`;
      const values = [tenant, id, state, JSON.stringify(toStoredRequest(request)), total, failed, cursor, at, endedAt, actor];
      const inserted = await statement(db, sql, ...values).first<Pick<Replay, "actorName">>();
      return inserted && { ...replay, ...inserted };
    },
    /**
     * Records a step, also of a replay that was stopped meanwhile: its cursor must be behind what was sent. What it sent was counted with the sending.
     * Returns its state; null: another took the same step.
     */
    async advance({ tenant, id, failed, cursor }: Replay, from: string | null): Promise<Replay["state"] | null> {
      const sql = `UPDATE replays SET failed = ?3, cursor = ?4, rest = NULL, rest_at = NULL WHERE tenant = ?1 AND id = ?2 AND state IN ('running', 'stopped') AND cursor IS ?5 RETURNING state`;
      return db.prepare(sql).bind(tenant, id, failed, cursor, from).first<Replay["state"]>("state");
    },
    /** Ends one that runs. False: it had ended. */
    async end(tenant: string, id: string, as: { state: "done" | "stopped"; reason?: string }, now: number): Promise<boolean> {
      const sql = `UPDATE replays SET state = ?3, reason = ?4, ended = ?5 WHERE tenant = ?1 AND id = ?2 AND state = 'running'`;
      return (await changes(db, sql, tenant, id, as.state, as.reason ?? null, now)) > 0;
    },
    /** False: it does not run. */
    async setRate(tenant: string, id: string, ratePerMinute: number | null): Promise<boolean> {
      const sql = `UPDATE replays SET rate = ?3 WHERE tenant = ?1 AND id = ?2 AND state = 'running'`;
      return (await changes(db, sql, tenant, id, ratePerMinute ?? 0)) > 0;
    },
    /** An operator's stop. False: it had ended, or its cursor is `behind`: all were sent. */
    async stop(tenant: string, id: string, behind: string, now: number): Promise<boolean> {
      const sql = `UPDATE replays SET state = 'stopped', reason = ?3, ended = ?4 WHERE tenant = ?1 AND id = ?2 AND state = 'running' AND cursor IS NOT ?5`;
      return (await changes(db, sql, tenant, id, stoppedByOperator, now, behind)) > 0;
    },
    /** False: it was not stopped, or jobs of it are open. */
    async resume(tenant: string, id: string, { at, actor }: Pick<Resumption, "at" | "actor">): Promise<boolean> {
      const sql = `UPDATE replays SET state = 'running', reason = NULL, ended = NULL, rest = NULL, rest_at = NULL, resumed = json_object('sent', done, 'succeeded', succeeded, 'failedAgain', failed_again,
        'at', ?3, 'actor', ?4, 'reason', iif(state = 'aborted', ?5, reason), 'stoppedAt', ended)
        WHERE tenant = ?1 AND id = ?2 AND state IN ('stopped', 'aborted') AND open = 0`;
      return (await changes(db, sql, tenant, id, at, actor, stoppedByOperator)) > 0;
    },
    /** Keeps what a stopped one can still send. */
    async noteRest({ tenant, id, cursor }: Replay, unsent: number, now: number): Promise<void> {
      const sql = `UPDATE replays SET rest = ?3, rest_at = ?4 WHERE tenant = ?1 AND id = ?2 AND state IN ('stopped', 'aborted') AND cursor IS ?5`;
      await changes(db, sql, tenant, id, unsent, now, cursor);
    },
    /** Counts what became of the jobs it sent, and returns it as it is now. */
    async count(replay: Replay): Promise<Replay> {
      await countOutcomes(db, replay);
      return (await queries.get(replay.tenant, replay.id)) ?? replay;
    },
  };
}

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
async function countOutcomes(db: D1Database, { tenant, id, looked }: { tenant: string; id: string; looked: string }): Promise<void> {
  await db.batch([count, forget].map((sql) => db.prepare(sql).bind(tenant, id, looked)));
}
