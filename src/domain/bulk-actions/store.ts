import { runningByTenantSql } from "../../d1";
import type { Action, BulkRequest, BulkView } from "./model";

/** A bulk action as it is kept: what was asked, how far it is. */
export interface BulkAction extends BulkView {
  tenant: string;
  request: BulkRequest;
  /** Where the next step goes on; null at the start. */
  cursor: string | null;
}

export interface BulkStore {
  /** False: there is one of this id. */
  insert(action: BulkAction): Promise<boolean>;
  get(tenant: string, id: string): Promise<BulkAction | null>;
  /** Newest first. */
  list(tenant: string, limit: number): Promise<BulkAction[]>;
  /** Those under way: each tenant's oldest, tenants after `lastServed` first, then each one's second, and so on. */
  running(limit: number, lastServed: string): Promise<BulkAction[]>;
  /** Records a step, unless it was stopped or another took the same step. */
  advance(action: BulkAction, from: string | null): Promise<boolean>;
  /** False: it had ended. */
  stop(tenant: string, id: string, now: number): Promise<boolean>;
}

interface Row {
  tenant: string;
  id: string;
  action: Action;
  state: BulkView["state"];
  request: string;
  total: number;
  done: number;
  failed: number;
  cursor: string | null;
  at: number;
  ended: number | null;
}

export function createBulkStore(db: D1Database): BulkStore {
  const rows = async (query: D1PreparedStatement) => (await query.all<Row>()).results.map(actionFrom);
  return {
    async insert({ tenant, id, action, state, request, total, at }) {
      const sql = `INSERT INTO bulk_actions (tenant, id, action, state, request, total, at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;
      return (await db.prepare(sql).bind(tenant, id, action, state, JSON.stringify(request), total, at).run()).meta.changes > 0;
    },
    async get(tenant, id) {
      const [found] = await rows(db.prepare(`SELECT * FROM bulk_actions WHERE tenant = ? AND id = ?`).bind(tenant, id));
      return found ?? null;
    },
    list: (tenant, limit) => rows(db.prepare(`SELECT * FROM bulk_actions WHERE tenant = ? ORDER BY at DESC, id LIMIT ?`).bind(tenant, limit)),
    // They are few: the table is read whole.
    running: (limit, lastServed) => rows(db.prepare(runningByTenantSql("bulk_actions")).bind(limit, lastServed)),
    async advance({ tenant, id, state, done, failed, cursor, endedAt }, from) {
      const sql = `UPDATE bulk_actions SET state = ?3, done = ?4, failed = ?5, cursor = ?6, ended = ?7 WHERE tenant = ?1 AND id = ?2 AND state = 'running' AND cursor IS ?8`;
      return (await db.prepare(sql).bind(tenant, id, state, done, failed, cursor, endedAt, from).run()).meta.changes > 0;
    },
    async stop(tenant, id, now) {
      const sql = `UPDATE bulk_actions SET state = 'stopped', ended = ?3 WHERE tenant = ?1 AND id = ?2 AND state = 'running'`;
      return (await db.prepare(sql).bind(tenant, id, now).run()).meta.changes > 0;
    },
  };
}

function actionFrom({ ended, request, ...row }: Row): BulkAction {
  return { ...row, request: JSON.parse(request) as BulkRequest, endedAt: ended };
}
