import type { ReplayRequest, ReplayView } from "./model";

/** A replay as it is kept: what was asked, how far it is. */
export interface Replay extends ReplayView {
  tenant: string;
  request: ReplayRequest;
  /** Where the next step goes on; null at the start. */
  cursor: string | null;
}

export interface ReplayStore {
  insert(replay: Replay): Promise<void>;
  get(tenant: string, id: string): Promise<Replay | null>;
  /** Newest first. */
  list(tenant: string, limit: number): Promise<Replay[]>;
  /** Those still under way: each tenant's oldest, tenants after `lastTurn` first, then each one's second, and so on. */
  running(limit: number, lastTurn: string): Promise<Replay[]>;
  /** Records a step, if nobody aborted it or took the same step meanwhile. */
  advance(replay: Replay, from: string | null): Promise<boolean>;
  abort(tenant: string, id: string, now: number): Promise<boolean>;
}

interface Row {
  tenant: string;
  id: string;
  state: Replay["state"];
  request: string;
  total: number;
  done: number;
  failed: number;
  cursor: string | null;
  at: number;
  ended: number | null;
}

export function replaysIn(db: D1Database): ReplayStore {
  return {
    async insert({ tenant, id, state, request, total, replayed, failed, cursor, at, endedAt }) {
      await db
        .prepare(`INSERT INTO replays (tenant, id, state, request, total, done, failed, cursor, at, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
        .bind(tenant, id, state, JSON.stringify(request), total, replayed, failed, cursor, at, endedAt)
        .run();
    },
    async get(tenant, id) {
      const row = await db.prepare(`SELECT * FROM replays WHERE tenant = ? AND id = ?`).bind(tenant, id).first<Row>();
      return row && replayOf(row);
    },
    async list(tenant, limit) {
      // Replays are few and kept for as long as their dead letters.
      const { results } = await db.prepare(`SELECT * FROM replays WHERE tenant = ? ORDER BY at DESC, id LIMIT ?`).bind(tenant, limit).all<Row>();
      return results.map(replayOf);
    },
    async running(limit, lastTurn) {
      // Replays are few: the table is read whole.
      const { results } = await db
        .prepare(
          `SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY tenant ORDER BY at, id) AS turn FROM replays WHERE state = 'running')
           ORDER BY turn, tenant <= ?2, tenant LIMIT ?1`,
        )
        .bind(limit, lastTurn)
        .all<Row>();
      return results.map(replayOf);
    },
    async advance({ tenant, id, state, replayed, failed, cursor, endedAt }, from) {
      const { meta } = await db
        .prepare(
          `UPDATE replays SET state = ?3, done = ?4, failed = ?5, cursor = ?6, ended = ?7 WHERE tenant = ?1 AND id = ?2 AND state = 'running' AND cursor IS ?8`,
        )
        .bind(tenant, id, state, replayed, failed, cursor, endedAt, from)
        .run();
      return meta.changes > 0;
    },
    async abort(tenant, id, now) {
      const { meta } = await db
        .prepare(`UPDATE replays SET state = 'aborted', ended = ?3 WHERE tenant = ?1 AND id = ?2 AND state = 'running'`)
        .bind(tenant, id, now)
        .run();
      return meta.changes > 0;
    },
  };
}

function replayOf(row: Row): Replay {
  const { tenant, id, state, total, failed, cursor, at } = row;
  const request = JSON.parse(row.request) as ReplayRequest;
  return { tenant, id, state, request, total, replayed: row.done, failed, cursor, at, endedAt: row.ended, ratePerMinute: request.ratePerMinute ?? null };
}
