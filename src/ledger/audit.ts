import { statement } from "./d1";

/** Who looked at what. */
export async function auditIn(db: D1Database, entry: { tenant: string; actor: string; action: string; target: string; at: number }): Promise<void> {
  const { tenant, actor, action, target, at } = entry;
  const sql = `INSERT INTO audit (tenant, at, id, actor, action, target) VALUES (?, ?, ?, ?, ?, ?)`;
  await statement(db, sql, tenant, at, crypto.randomUUID(), actor, action, target).run();
}
