import { statement } from "../d1";
import type { Pause } from "../queue/ports/job-row";

/** A pause as operators see it. */
export interface PauseView extends Pause {
  /** Milliseconds. */
  since: number;
  /** `root` or the id of the token; null for pauses made before this was recorded. */
  actor: string | null;
  /** What the token is called; null for the root token, and for one that is not kept. */
  actorName?: string | null;
  reason: string | null;
}

/** Who pauses, and why. */
export interface PauseAuthor {
  actor: string;
  reason?: string | undefined;
}

/** Paused queues, types and tenants; tenant `*` means all tenants. Few rows, read with every claim. */
export function createPauseStore(db: D1Database) {
  return {
    /** A second pause keeps the time of the first. */
    async put(tenant: string, scope: Pause["scope"], name: string, { actor, reason }: PauseAuthor, now: number): Promise<void> {
      const sql = `
        INSERT INTO pauses (tenant, scope, name, at, actor, reason) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET actor = excluded.actor, reason = coalesce(excluded.reason, reason)`;
      await statement(db, sql, tenant, scope, name, now, actor, reason ?? null).run();
    },
    async remove(tenant: string, scope: Pause["scope"], name: string): Promise<void> {
      await statement(db, `DELETE FROM pauses WHERE tenant = ? AND scope = ? AND name = ?`, tenant, scope, name).run();
    },
    /** Null: all; else the tenant's own and those of all tenants. */
    async list(tenant: string | null): Promise<PauseView[]> {
      const sql = `
        SELECT p.tenant, p.scope, p.name, p.at AS since, p.actor, t.name AS actorName, p.reason FROM pauses p
        LEFT JOIN tokens t ON t.tenant = p.tenant AND t.id = p.actor WHERE ?1 IS NULL OR p.tenant IN (?1, '*') ORDER BY p.at, p.scope, p.name`;
      return (await statement(db, sql, tenant).all<PauseView>()).results;
    },
  };
}
