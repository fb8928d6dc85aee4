import type { DueJob, DuePage, ParkedGate, ParkedPage } from "../queue/ports/tick-ledger";
import { batch, lists, statement } from "../d1";
import { dropParked } from "./side";

export const looked = `j.state, j.queue, j.seq, j.until, j.sent, j.wake, j.gate, j.sweeps, coalesce(octet_length(j.payload), 0) AS bytes`;

/** Tenants with a side row whose time has come: one seek for each tenant that has any. ?1 now. */
const tenantsDue = `
  WITH RECURSIVE each(tenant) AS (
    SELECT min(tenant) FROM due UNION ALL
    SELECT (SELECT min(d.tenant) FROM due d WHERE d.tenant > each.tenant) FROM each WHERE each.tenant IS NOT NULL)
  SELECT tenant FROM each WHERE tenant IS NOT NULL AND EXISTS (SELECT 1 FROM due d WHERE d.tenant = each.tenant AND d.at <= ?1)`;

/** One page of each tenant, the earliest first. ?1 tenants, ?2 now, ?3 rows of each. */
const dueRows = `
  SELECT p.value->>0 AS wakeAt, t.value AS tenant, p.value->>1 AS id, ${looked}
  FROM json_each(?1) t
  CROSS JOIN json_each((SELECT json_group_array(json_array(e.at, e.id)) FROM
    (SELECT d.at, d.id FROM due d WHERE d.tenant = t.value AND d.at <= ?2 ORDER BY d.at, d.id LIMIT ?3) e)) p
  LEFT JOIN jobs j ON j.tenant = t.value AND j.id = p.value->>1`;

/** One page of each gate, the oldest first. ?1 [tenant, gate] of each, ?2 rows of each. */
const parkedRows = `
  SELECT p.value->>0 AS wakeAt, g.value->>0 AS tenant, g.value->>1 AS place, p.value->>1 AS id, ${looked}
  FROM json_each(?1) g
  CROSS JOIN json_each((SELECT json_group_array(json_array(e.at, e.id)) FROM
    (SELECT r.at, r.id FROM parked r WHERE r.tenant = g.value->>0 AND r.gate = g.value->>1 ORDER BY r.at, r.id LIMIT ?2) e)) p
  LEFT JOIN jobs j ON j.tenant = g.value->>0 AND j.id = p.value->>1`;

export async function dueTenants(db: D1Database, now: number): Promise<string[]> {
  return (await statement(db, tenantsDue, now).all<{ tenant: string }>()).results.map(({ tenant }) => tenant);
}

export async function due(db: D1Database, tenants: readonly string[], now: number, limit: number): Promise<DuePage[]> {
  const { results: rows } = await statement(db, dueRows, JSON.stringify(tenants), now, limit).all<DueJob>();
  const byTenant = Map.groupBy(rows, ({ tenant }) => tenant);
  return tenants.map((tenant) => ({ tenant, ...cutToPage(byTenant.get(tenant), limit) }));
}

/** Pages of the jobs parked at these gates. Rows whose job is gone or no longer parked there are deleted and left out. */
export async function parked(db: D1Database, gates: readonly ParkedGate[], limit: number): Promise<ParkedPage[]> {
  const gateList = JSON.stringify(gates.map(({ tenant, gate }) => [tenant, gate]));
  const { results } = await statement(db, parkedRows, gateList, limit).all<DueJob & { place: string }>();
  const stale = results.filter((row) => row.state !== "waiting" || row.gate !== row.place || row.wake !== row.wakeAt);
  if (stale.length > 0)
    await batch(
      db,
      lists(stale.map(({ tenant, place, wakeAt, id }) => [tenant, place, wakeAt, id])).map((list) => statement(db, dropParked, list)),
    );
  const byGate = Map.groupBy(results, ({ tenant, place }) => `${tenant}/${place}`);
  return gates.map(({ tenant, gate }) => {
    const page = cutToPage(byGate.get(`${tenant}/${gate}`), limit);
    return { tenant, gate, more: page.more, rows: page.rows.filter((row) => !stale.includes(row)) };
  });
}

export async function parkedGates(db: D1Database): Promise<ParkedGate[]> {
  return (await db.prepare(`SELECT tenant, gate FROM parked_gates`).all<ParkedGate>()).results;
}

/** Forgets gates where no job is parked; one may have been parked there meanwhile. */
export async function forgetGates(db: D1Database, gates: readonly ParkedGate[]): Promise<void> {
  const sql = `
    DELETE FROM parked_gates WHERE (tenant, gate) IN (SELECT value->>0, value->>1 FROM json_each(?1))
      AND NOT EXISTS (SELECT 1 FROM parked p WHERE p.tenant = parked_gates.tenant AND p.gate = parked_gates.gate)`;
  await batch(
    db,
    lists(gates.map(({ tenant, gate }) => [tenant, gate])).map((list) => statement(db, sql, list)),
  );
}

function cutToPage<Row>(rows: readonly Row[] | undefined, limit: number): { rows: readonly Row[]; more: boolean } {
  return { rows: rows ?? [], more: rows?.length === limit };
}
