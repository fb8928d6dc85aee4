import { changes } from "../../d1";
import { countOutcomes } from "./outcomes";
import { type Replay, type Resumption, stoppedByOperator } from "./model";
import { createReplayQueries, type ReplayQueries } from "./queries";

/** The writes of replays, and their reads. */
export interface ReplayStore extends ReplayQueries {
  /** False: there is one of this id. */
  insert(replay: Replay): Promise<boolean>;
  /**
   * Records a step, also of a replay that was stopped meanwhile: its cursor must be behind what was sent. What it sent was counted with the sending.
   * Returns its state; null: another took the same step.
   */
  advance(replay: Replay, from: string | null): Promise<Replay["state"] | null>;
  /** Ends one that runs. False: it had ended. */
  end(tenant: string, id: string, as: { state: "done" | "stopped"; reason?: string }, now: number): Promise<boolean>;
  /** False: it does not run. */
  setRate(tenant: string, id: string, ratePerMinute: number | null): Promise<boolean>;
  /** An operator's stop. False: it had ended, or its cursor is `behind`: all were sent. */
  stop(tenant: string, id: string, behind: string, now: number): Promise<boolean>;
  /** False: it was not stopped, or jobs of it are open. */
  resume(tenant: string, id: string, by: Pick<Resumption, "at" | "actor">): Promise<boolean>;
  /** Keeps what a stopped one can still send. */
  noteRest(replay: Replay, unsent: number, now: number): Promise<void>;
  /** Counts what became of the jobs it sent, and returns it as it is now. */
  count(replay: Replay): Promise<Replay>;
}

export function createReplayStore(db: D1Database): ReplayStore {
  const queries = createReplayQueries(db);
  return {
    ...queries,
    async insert({ tenant, id, state, request, total, failed, cursor, at, endedAt, actor }) {
      const sql = `INSERT INTO replays (tenant, id, state, request, total, done, failed, cursor, at, ended, actor) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;
      const values = [tenant, id, state, JSON.stringify(request), total, failed, cursor, at, endedAt, actor];
      const { meta } = await db
        .prepare(sql)
        .bind(...values)
        .run();
      return meta.changes > 0;
    },
    async advance({ tenant, id, failed, cursor }, from) {
      const sql = `UPDATE replays SET failed = ?3, cursor = ?4 WHERE tenant = ?1 AND id = ?2 AND state IN ('running', 'stopped') AND cursor IS ?5 RETURNING state`;
      return db.prepare(sql).bind(tenant, id, failed, cursor, from).first<Replay["state"]>("state");
    },
    async end(tenant, id, { state, reason = null as string | null }, now) {
      const sql = `UPDATE replays SET state = ?3, reason = ?4, ended = ?5 WHERE tenant = ?1 AND id = ?2 AND state = 'running'`;
      return (await db.prepare(sql).bind(tenant, id, state, reason, now).run()).meta.changes > 0;
    },
    async setRate(tenant, id, ratePerMinute) {
      const sql = `UPDATE replays SET rate = ?3 WHERE tenant = ?1 AND id = ?2 AND state = 'running'`;
      return (
        (
          await db
            .prepare(sql)
            .bind(tenant, id, ratePerMinute ?? 0)
            .run()
        ).meta.changes > 0
      );
    },
    async stop(tenant, id, behind, now) {
      const sql = `UPDATE replays SET state = 'stopped', reason = ?3, ended = ?4 WHERE tenant = ?1 AND id = ?2 AND state = 'running' AND cursor IS NOT ?5`;
      return (await changes(db, sql, tenant, id, stoppedByOperator, now, behind)) > 0;
    },
    async resume(tenant, id, { at, actor }) {
      const sql = `UPDATE replays SET state = 'running', reason = NULL, ended = NULL, rest = NULL, rest_at = NULL, resumed = json_object('sent', done, 'succeeded', succeeded, 'failedAgain', failed_again,
        'at', ?3, 'actor', ?4, 'reason', iif(state = 'aborted', ?5, reason), 'stoppedAt', ended)
        WHERE tenant = ?1 AND id = ?2 AND state IN ('stopped', 'aborted') AND open = 0`;
      return (await changes(db, sql, tenant, id, at, actor, stoppedByOperator)) > 0;
    },
    async noteRest({ tenant, id, cursor }, unsent, now) {
      const sql = `UPDATE replays SET rest = ?3, rest_at = ?4 WHERE tenant = ?1 AND id = ?2 AND state IN ('stopped', 'aborted') AND cursor IS ?5`;
      await changes(db, sql, tenant, id, unsent, now, cursor);
    },
    async count(replay) {
      await countOutcomes(db, replay);
      return (await queries.get(replay.tenant, replay.id)) ?? replay;
    },
  };
}
