import type { Pause } from "../queue/ledger";
import { statement } from "../d1";

/** Queues, types and tenants that are held; tenant `*` is everybody. Few rows, read with every claim. */
export function pauseStore(db: D1Database) {
  return {
    async put(tenant: string, scope: Pause["scope"], name: string, now: number): Promise<void> {
      await statement(db, `INSERT INTO pauses (tenant, scope, name, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, tenant, scope, name, now).run();
    },
    async remove(tenant: string, scope: Pause["scope"], name: string): Promise<void> {
      await statement(db, `DELETE FROM pauses WHERE tenant = ? AND scope = ? AND name = ?`, tenant, scope, name).run();
    },
    /** Null: all; else the tenant's own and everybody's. */
    async list(tenant: string | null): Promise<Pause[]> {
      const sql = `SELECT tenant, scope, name FROM pauses WHERE ?1 IS NULL OR tenant IN (?1, '*')`;
      return (await statement(db, sql, tenant).all<Pause>()).results;
    },
  };
}
