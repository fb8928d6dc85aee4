import { changes, runningByTenantSql, statement } from "../../d1";
import type { BulkRequest, BulkView } from "./model";

/** A stored bulk action: its request and its progress. */
export interface BulkAction extends BulkView {
  tenant: string;
  request: BulkRequest;
  /** The cursor of the next step; null at the start. */
  cursor: string | null;
}

export interface BulkStore {
  /** False: there is an action of this id already. */
  insert(action: BulkAction): Promise<boolean>;
  get(tenant: string, id: string): Promise<BulkAction | null>;
  /** Newest first. */
  list(tenant: string, limit: number): Promise<BulkAction[]>;
  /** Running actions: each tenant's oldest, tenants after `lastServed` first, then each tenant's second, and so on. */
  running(limit: number, lastServed: string): Promise<BulkAction[]>;
  /** Records a step, also of an action that was stopped meanwhile. Returns its state; null: the step was recorded already. */
  advance(action: BulkAction, from: string | null): Promise<BulkAction["state"] | null>;
  /** False: it had ended. */
  stop(tenant: string, id: string, now: number): Promise<boolean>;
}

interface Row extends Omit<BulkAction, "request" | "endedAt"> {
  request: string;
  ended: number | null;
}

export function createBulkStore(db: D1Database): BulkStore {
  const rows = async (query: D1PreparedStatement) => (await query.all<Row>()).results.map(actionFrom);
  return {
    async insert({ tenant, id, action, state, request, total, at }) {
      const sql = `INSERT INTO bulk_actions (tenant, id, action, state, request, total, at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;
      return (await changes(db, sql, tenant, id, action, state, JSON.stringify(storedFrom(request)), total, at)) > 0;
    },
    async get(tenant, id) {
      const [action] = await rows(db.prepare(`SELECT * FROM bulk_actions WHERE tenant = ? AND id = ?`).bind(tenant, id));
      return action ?? null;
    },
    list: (tenant, limit) => rows(db.prepare(`SELECT * FROM bulk_actions WHERE tenant = ? ORDER BY at DESC, id LIMIT ?`).bind(tenant, limit)),
    // The table is read whole: it has few rows.
    running: (limit, lastServed) => rows(db.prepare(runningByTenantSql("bulk_actions")).bind(limit, lastServed)),
    async advance({ tenant, id, state, done, failed, cursor, endedAt }, from) {
      const sql = `UPDATE bulk_actions SET state = iif(state = 'running', ?3, state), done = ?4, failed = ?5, cursor = ?6, ended = coalesce(ended, ?7)
        WHERE tenant = ?1 AND id = ?2 AND state IN ('running', 'stopped') AND cursor IS ?8 RETURNING state`;
      return statement(db, sql, tenant, id, state, done, failed, cursor, endedAt, from).first<BulkAction["state"]>("state");
    },
    async stop(tenant, id, now) {
      const sql = `UPDATE bulk_actions SET state = 'stopped', ended = ?3 WHERE tenant = ?1 AND id = ?2 AND state = 'running'`;
      return (await changes(db, sql, tenant, id, now)) > 0;
    },
  };
}

function actionFrom({ ended, request, ...row }: Row): BulkAction {
  return { ...row, request: requestFrom(JSON.parse(request) as BulkRequest), endedAt: ended };
}

/**
 * A filter with a parent is stored with an empty list of ids. An earlier release would ignore the parent and act on more jobs; for the empty list it
 * acts on none.
 */
function storedFrom(request: BulkRequest): BulkRequest {
  return hasParent(request) ? { ...request, ids: [] } : request;
}

function requestFrom(stored: BulkRequest): BulkRequest {
  if (!hasParent(stored)) return stored;
  const { ids: _ids, ...request } = stored;
  return request;
}

function hasParent({ filter }: BulkRequest): boolean {
  return filter !== undefined && "parent" in filter && filter.parent !== undefined;
}
