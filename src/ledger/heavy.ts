import type { HeavyMark } from "../queue/ports/heavy-ledger";
import { batch, rowsOf, statement } from "../d1";

/** A mark ends when no job of its tenant and queue came from the queue `overflow` for this long. Milliseconds. */
export const heavyForMs = 60_000;

/** ?4 marks last seen before this have ended. */
const put = `
  INSERT INTO heavy_tenants (tenant, queue, since, seen) VALUES (?1, ?2, ?3, ?3)
  ON CONFLICT DO UPDATE SET since = iif(seen > ?4, since, excluded.since), seen = excluded.seen`;

const see = `
  UPDATE heavy_tenants SET seen = max(seen, ?2) FROM (SELECT value->>0 AS tenant, value->>1 AS queue FROM json_each(?1)) m
  WHERE heavy_tenants.tenant = m.tenant AND heavy_tenants.queue = m.queue AND heavy_tenants.seen > ?3`;

export async function markHeavy(db: D1Database, { tenant, queue }: HeavyMark, now: number): Promise<void> {
  await statement(db, put, tenant, queue, now, now - heavyForMs).run();
}

export async function heavySeen(db: D1Database, marks: readonly HeavyMark[], now: number): Promise<void> {
  const pairs = JSON.stringify(marks.map(({ tenant, queue }) => [tenant, queue]));
  await statement(db, see, pairs, now, now - heavyForMs).run();
}

export async function heavyMarks(db: D1Database, now: number): Promise<HeavyMark[]> {
  const results = await batch(db, [
    statement(db, `DELETE FROM heavy_tenants WHERE seen <= ?1`, now - heavyForMs),
    statement(db, `SELECT tenant, queue FROM heavy_tenants`),
  ]);
  return rowsOf<HeavyMark>(results, 1);
}

/** A mark as operators see it. */
export interface HeavyView extends HeavyMark {
  /** Milliseconds. */
  since: number;
}

/** Marks in force, of a tenant or (null) of all. */
export async function heavyViews(db: D1Database, tenant: string | null, now: number): Promise<HeavyView[]> {
  const sql = `SELECT tenant, queue, since FROM heavy_tenants WHERE (?1 IS NULL OR tenant = ?1) AND seen > ?2 ORDER BY since, tenant, queue`;
  return (await statement(db, sql, tenant, now - heavyForMs).all<HeavyView>()).results;
}
