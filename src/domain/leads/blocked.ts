import { dayMs } from "../../time/day";

/** Whether a blocked sender's key is new, repeats the same post, or was used for another one. */
type BlockedKind = "new" | "repeated" | "another";

const blockedDays = 90;

/**
 * Records a key that a blocked sender used, so that a second use gets the answer that other senders get. The caller passes digests as `id` and
 * `content`: no text of the post is stored.
 */
export async function recordBlocked(db: D1Database, tenant: string, { id, content }: { id: string; content: string }, now: number): Promise<BlockedKind> {
  const [, added, stored] = await db.batch<{ content: string }>([
    db.prepare("DELETE FROM lead_blocked WHERE tenant = ?1 AND at < ?2").bind(tenant, now - blockedDays * dayMs),
    db.prepare("INSERT INTO lead_blocked (tenant, id, content, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING").bind(tenant, id, content, now),
    db.prepare("SELECT content FROM lead_blocked WHERE tenant = ?1 AND id = ?2").bind(tenant, id),
  ]);
  if (added?.meta.changes) return "new";
  return stored?.results[0]?.content === content ? "repeated" : "another";
}
