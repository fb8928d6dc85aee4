import { changes, statement } from "../../d1";
import { toStoredRequest } from "../replays/stored-request";
import type { BulkAction } from "./model";
import { createBulkQueries } from "./queries";

/** The writes of bulk actions, and their reads. */
export type BulkStore = ReturnType<typeof createBulkStore>;

export function createBulkStore(db: D1Database) {
  return {
    ...createBulkQueries(db),
    /** False: there is an action of this id already. */
    async insert({ tenant, id, action, state, request, total, at }: BulkAction): Promise<boolean> {
      const sql = `INSERT INTO bulk_actions (tenant, id, action, state, request, total, at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;
      return (await changes(db, sql, tenant, id, action, state, JSON.stringify(toStoredRequest(request)), total, at)) > 0;
    },
    /** Records a step, also of an action that was stopped meanwhile. Returns its state; null: the step was recorded already. */
    async advance({ tenant, id, state, done, failed, cursor, endedAt }: BulkAction, from: string | null): Promise<BulkAction["state"] | null> {
      const sql = `UPDATE bulk_actions SET state = iif(state = 'running', ?3, state), done = ?4, failed = ?5, cursor = ?6, ended = coalesce(ended, ?7)
        WHERE tenant = ?1 AND id = ?2 AND state IN ('running', 'stopped') AND cursor IS ?8 RETURNING state`;
      return statement(db, sql, tenant, id, state, done, failed, cursor, endedAt, from).first<BulkAction["state"]>("state");
    },
    /** False: it had ended. */
    async stop(tenant: string, id: string, now: number): Promise<boolean> {
      const sql = `UPDATE bulk_actions SET state = 'stopped', ended = ?3 WHERE tenant = ?1 AND id = ?2 AND state = 'running'`;
      return (await changes(db, sql, tenant, id, now)) > 0;
    },
  };
}
