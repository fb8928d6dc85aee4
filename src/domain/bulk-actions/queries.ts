import { runningByTenantSql } from "../../d1";
import { requestFromStored } from "../replays/stored-request";
import type { BulkAction, BulkRequest } from "./model";

interface Row extends Omit<BulkAction, "request" | "endedAt"> {
  request: string;
  ended: number | null;
}

export function createBulkQueries(db: D1Database) {
  const rows = async (query: D1PreparedStatement) => (await query.all<Row>()).results.map(actionFrom);
  return {
    async get(tenant: string, id: string): Promise<BulkAction | null> {
      const [action] = await rows(db.prepare(`SELECT * FROM bulk_actions WHERE tenant = ? AND id = ?`).bind(tenant, id));
      return action ?? null;
    },
    /** Newest first. */
    list: (tenant: string, limit: number): Promise<BulkAction[]> =>
      rows(db.prepare(`SELECT * FROM bulk_actions WHERE tenant = ? ORDER BY at DESC, id LIMIT ?`).bind(tenant, limit)),
    /** Running actions: each tenant's oldest, tenants after `lastServed` first, then each tenant's second, and so on. */
    // The table is read whole: it has few rows.
    running: (limit: number, lastServed: string): Promise<BulkAction[]> => rows(db.prepare(runningByTenantSql("bulk_actions")).bind(limit, lastServed)),
  };
}

function actionFrom({ ended, request, ...row }: Row): BulkAction {
  return { ...row, request: requestFromStored(JSON.parse(request) as BulkRequest), endedAt: ended };
}
