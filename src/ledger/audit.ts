import { statement } from "../d1";

/** Who did what that shows or redirects personal data. */
export interface AuditRow {
  tenant: string;
  actor: string;
  action: string;
  target: string;
  detail?: string | undefined;
  at: number;
}

/** Writes one line of the audit. Throws when it cannot be written. */
export async function auditIn(db: D1Database, { tenant, actor, action, target, detail, at }: AuditRow): Promise<void> {
  const sql = `INSERT INTO audit (tenant, at, id, actor, action, target, detail) VALUES (?, ?, ?, ?, ?, ?, ?)`;
  await statement(db, sql, tenant, at, crypto.randomUUID(), actor, action, target, detail ?? null).run();
}
