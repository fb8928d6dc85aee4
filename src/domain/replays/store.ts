import { changes, runningByTenantSql } from "../../d1";
import { countOutcomes } from "./outcomes";
import type { ReplayRequest, ReplayView, Resumption } from "./model";

/** A replay as it is kept: what was asked, how far it is. */
export interface Replay extends Omit<ReplayView, "unsent"> {
  request: ReplayRequest;
  /** Where the next step goes on; null at the start. */
  cursor: string | null;
  /** The job whose outcome was looked at last. */
  looked: string;
  /** Its counts when it was last resumed; zeros if it never was. */
  before: Progress;
  /** What a stopped one could still send when that was last counted; null: not counted since it stopped. */
  rest: { unsent: number; at: number } | null;
}

type Progress = Pick<ReplayView, "sent" | "succeeded" | "failedAgain">;

export interface ReplayStore {
  /** False: there is one of this id. */
  insert(replay: Replay): Promise<boolean>;
  get(tenant: string, id: string): Promise<Replay | null>;
  /** Newest first; null: of all tenants. */
  list(tenant: string | null, page: { cursor?: string | undefined; limit: number }): Promise<{ replays: Replay[]; cursor: string | null }>;
  /** Those that were asked for a group of dead letters, newest first. */
  ofGroup(tenant: string, group: string, limit: number): Promise<Replay[]>;
  /** Those still under way: each tenant's oldest, tenants after `lastServed` first, then each one's second, and so on. */
  running(limit: number, lastServed: string): Promise<Replay[]>;
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

interface Row {
  tenant: string;
  id: string;
  state: Replay["state"] | "aborted";
  request: string;
  total: number;
  done: number;
  failed: number;
  open: number;
  succeeded: number;
  failed_again: number;
  cancelled: number;
  reason: string | null;
  examples: string;
  looked: string;
  cursor: string | null;
  at: number;
  ended: number | null;
  actor: string | null;
  /** Undefined where it was not asked for. */
  actor_name?: string | null;
  /** 0: as fast as they can; null: as the request has it. */
  rate: number | null;
  rest: number | null;
  rest_at: number | null;
  resumed: string | null;
  resumed_by_name?: string | null;
}

const nameOf = (actor: string) => `(SELECT name FROM tokens t WHERE t.tenant = replays.tenant AND t.id = ${actor})`;
const columns = `*, ${nameOf("replays.actor")} AS actor_name, ${nameOf("replays.resumed ->> '$.actor'")} AS resumed_by_name`;

/**
 * ?1 and ?2 the place of the replay before, ?3 rows. Replays are few and kept for as long as their dead letters. The page is chosen first: requests are
 * long, and a sort would carry them all.
 */
const listSql = (whose: string) => `
  SELECT ${columns} FROM replays WHERE (tenant, id) IN
    (SELECT r.tenant, r.id FROM replays r WHERE ${whose} (r.at, r.id) < (?1, ?2) ORDER BY r.at DESC, r.id DESC LIMIT ?3) ORDER BY at DESC, id DESC`;

export function createReplayStore(db: D1Database): ReplayStore {
  const get = async (tenant: string, id: string) => {
    const row = await db.prepare(`SELECT ${columns} FROM replays WHERE tenant = ? AND id = ?`).bind(tenant, id).first<Row>();
    return row && replayFrom(row);
  };
  return {
    get,
    async insert({ tenant, id, state, request, total, failed, cursor, at, endedAt, actor }) {
      const sql = `INSERT INTO replays (tenant, id, state, request, total, done, failed, cursor, at, ended, actor) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;
      const values = [tenant, id, state, JSON.stringify(request), total, failed, cursor, at, endedAt, actor];
      const { meta } = await db
        .prepare(sql)
        .bind(...values)
        .run();
      return meta.changes > 0;
    },
    async list(tenant, { cursor, limit }) {
      const [, at = Number.MAX_SAFE_INTEGER, id = "~"] = /^(\d{1,15})\.(.+)$/.exec(cursor ?? "") ?? [];
      const place = [Number(at), id, limit + 1];
      const found = await rows(tenant === null ? db.prepare(listSql("")).bind(...place) : db.prepare(listSql("r.tenant = ?4 AND")).bind(...place, tenant));
      const replays = found.slice(0, limit);
      const last = replays.at(-1);
      return { replays, cursor: last && found.length > limit ? `${last.at}.${last.id}` : null };
    },
    ofGroup: (tenant, group, limit) =>
      rows(
        db
          .prepare(`SELECT ${columns} FROM replays WHERE tenant = ? AND request ->> '$.filter.group' = ? ORDER BY at DESC, id LIMIT ?`)
          .bind(tenant, group, limit),
      ),
    // Replays are few: the table is read whole.
    running: (limit, lastServed) => rows(db.prepare(runningByTenantSql("replays")).bind(limit, lastServed)),
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
      return (await changes(db, sql, tenant, id, aborted, now, behind)) > 0;
    },
    async resume(tenant, id, { at, actor }) {
      const sql = `UPDATE replays SET state = 'running', reason = NULL, ended = NULL, rest = NULL, rest_at = NULL, resumed = json_object('sent', done, 'succeeded', succeeded, 'failedAgain', failed_again,
        'at', ?3, 'actor', ?4, 'reason', iif(state = 'aborted', ?5, reason), 'stoppedAt', ended)
        WHERE tenant = ?1 AND id = ?2 AND state IN ('stopped', 'aborted') AND open = 0`;
      return (await changes(db, sql, tenant, id, at, actor, aborted)) > 0;
    },
    async noteRest({ tenant, id, cursor }, unsent, now) {
      const sql = `UPDATE replays SET rest = ?3, rest_at = ?4 WHERE tenant = ?1 AND id = ?2 AND state IN ('stopped', 'aborted') AND cursor IS ?5`;
      await changes(db, sql, tenant, id, unsent, now, cursor);
    },
    async count(replay) {
      await countOutcomes(db, replay);
      return (await get(replay.tenant, replay.id)) ?? replay;
    },
  };
}

async function rows(query: D1PreparedStatement): Promise<Replay[]> {
  return (await query.all<Row>()).results.map(replayFrom);
}

function replayFrom(row: Row): Replay {
  const { tenant, id, total, open, succeeded, cancelled, failed, looked, cursor, at, actor } = row;
  const request = JSON.parse(row.request) as ReplayRequest;
  // As the first version called it.
  const [state, reason] = row.state === "aborted" ? (["stopped", aborted] as const) : [row.state, row.reason];
  return {
    tenant,
    id,
    state,
    reason,
    request,
    total,
    sent: row.done,
    succeeded,
    failedAgain: row.failed_again,
    cancelled,
    open,
    failed,
    // One that began before there were canaries has none.
    canary: request.canary ?? 0,
    examples: JSON.parse(row.examples) as string[],
    looked,
    cursor,
    rest: row.rest === null || row.rest_at === null ? null : { unsent: row.rest, at: row.rest_at },
    at,
    endedAt: row.ended,
    ratePerMinute: row.rate === null ? (request.ratePerMinute ?? null) : row.rate || null,
    ...namedBy(request),
    actor,
    actorName: row.actor_name ?? null,
    ...resumptionFrom(row),
  };
}

/** One that was resumed before `at` was recorded has the counts alone. */
function resumptionFrom({ resumed, resumed_by_name: actorName = null }: Row): Pick<Replay, "before" | "resumed"> {
  if (resumed === null) return { before: notResumed, resumed: null };
  const { sent, succeeded, failedAgain, ...last } = JSON.parse(resumed) as Progress & Partial<Resumption>;
  const { at, actor = null, reason = null, stoppedAt = null } = last;
  return { before: { sent, succeeded, failedAgain }, resumed: at === undefined ? null : { at, actor, actorName, reason, stoppedAt } };
}

export const notResumed: Progress = { sent: 0, succeeded: 0, failedAgain: 0 };

/** What of a request its view says: no value of a patch, which may be personal. */
export function namedBy({ filter, ids, patch = {} }: ReplayRequest): Pick<ReplayView, "filter" | "ids" | "patched"> {
  return { filter: filter ?? null, ids: ids?.length ?? null, patched: Object.keys(patch) };
}

const aborted = "an operator stopped it";
