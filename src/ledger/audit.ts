import { statement } from "../d1";

/** One act that shows or redirects personal data: the actor, the action and its target. */
interface AuditRow {
  tenant: string;
  actor: string;
  action: string;
  target: string;
  detail?: string | undefined;
  at: number;
}

/** A line of the audit as it is kept. */
export interface AuditEntry extends AuditRow {
  id: string;
  /** What the token is called; null for the root token, and for one that is not kept. */
  actorName: string | null;
  /** How many jobs the replay or bulk action of this id named; null for other acts, and for one that is no longer kept. */
  jobs: number | null;
}

/** Newest first. Null: of all tenants. `cursor`: `{at}.{id}` of the last entry before. */
export async function auditEntries(
  db: D1Database,
  tenant: string | null,
  { cursor, limit }: { cursor?: string | undefined; limit: number },
): Promise<{ entries: AuditEntry[]; cursor: string | null }> {
  const [, at = Number.MAX_SAFE_INTEGER, id = "~"] = /^(\d{1,15})\.([0-9a-f-]{36})$/.exec(cursor ?? "") ?? [];
  const whose = tenant === null ? "" : "a.tenant = ?4 AND";
  const sql = `
    SELECT a.tenant, a.at, a.id, a.actor, t.name AS actorName, a.action, a.target, a.detail, coalesce(b.total, r.total) AS jobs FROM audit a
    LEFT JOIN tokens t ON t.tenant = a.tenant AND t.id = a.actor
    LEFT JOIN bulk_actions b ON b.tenant = a.tenant AND b.id = a.target LEFT JOIN replays r ON r.tenant = a.tenant AND r.id = a.target WHERE ${whose} (a.at, a.id) < (?1, ?2) ORDER BY a.at DESC, a.id DESC LIMIT ?3`;
  const { results } = await statement(db, sql, Number(at), id, limit + 1, ...(tenant === null ? [] : [tenant])).all<AuditEntry>();
  const entries = results.slice(0, limit);
  const last = entries.at(-1);
  return { entries, cursor: last && results.length > limit ? `${last.at}.${last.id}` : null };
}

/** Writes one line of the audit. Throws when it cannot be written. */
export async function auditIn(db: D1Database, { tenant, actor, action, target, detail, at }: AuditRow): Promise<void> {
  const sql = `INSERT INTO audit (tenant, at, id, actor, action, target, detail) VALUES (?, ?, ?, ?, ?, ?, ?)`;
  await statement(db, sql, tenant, at, crypto.randomUUID(), actor, action, target, detail ?? null).run();
}
