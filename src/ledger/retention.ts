import { timePart } from "../queue/id";
import type { JobState } from "../queue/state";
import { batch, refLists, rowsOf, statement } from "./d1";

export type EndedState = Extract<JobState, "done" | "cancelled" | "discarded" | "dead">;
/** Days an ended job is kept, by its state. */
export type RetentionDays = Record<EndedState, number>;

/**
 * Default days. At least 5: a message may be delivered up to 4 days after it was sent (the platform's default retention),
 * and a copy that finds no row would run its job once more.
 */
export const defaultRetention: RetentionDays = { done: 14, cancelled: 14, discarded: 90, dead: 90 };
export const leastRetention = 5;

const day = 24 * 3600_000;
/** Rows looked at in one page, and pages per tenant and kind of id in one call: 1.4 million rows a day. */
const pageSize = 500;
const mostPages = 20;
const counterDays = 35;
const logDays = 90;

const old = {
  jobs: `SELECT id AS position, id, state, ended, ref, slot FROM jobs WHERE tenant = ?1 AND id > ?2 AND id < ?3 ORDER BY id LIMIT ?4`,
  arrivals: `
    SELECT a.slot AS position, j.id, j.state, j.ended, j.ref, j.slot FROM arrivals a CROSS JOIN jobs j ON j.tenant = a.tenant AND j.id = a.id
    WHERE a.tenant = ?1 AND a.slot > ?2 AND a.slot < ?3 ORDER BY a.slot LIMIT ?4`,
} as const;

const drops = [
  `DELETE FROM entities WHERE (tenant, key, id) IN (
     SELECT j.tenant, n.value, j.id FROM json_each(?1) e CROSS JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1, json_each(j.entities) n WHERE j.entities IS NOT NULL)`,
  `DELETE FROM effects WHERE (tenant, job) IN (SELECT value->>0, value->>1 FROM json_each(?1))`,
  `DELETE FROM history WHERE (tenant, job) IN (SELECT value->>0, value->>1 FROM json_each(?1))`,
  `DELETE FROM dead_letters WHERE (tenant, died, id) IN (SELECT j.tenant, j.ended, j.id FROM json_each(?1) e CROSS JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1)`,
  `DELETE FROM arrivals WHERE (tenant, slot) IN (SELECT j.tenant, j.slot FROM json_each(?1) e CROSS JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1 WHERE j.slot IS NOT NULL)`,
  `DELETE FROM jobs WHERE (tenant, id) IN (SELECT value->>0, value->>1 FROM json_each(?1)) AND ended IS NOT NULL`,
];

export interface RetentionDeps {
  db: D1Database;
  daysOf(tenant: string): Promise<RetentionDays>;
  removePayloads(keys: readonly string[]): Promise<void>;
}

/** Removes ended jobs past their time, with all that hangs on them; payloads in R2 go after their rows. A page per tenant and call, round and round. */
export async function retain({ db, daysOf, removePayloads }: RetentionDeps, now: number): Promise<{ removed: number }> {
  let removed = 0;
  for (let tenant = await nextTenant(db, ""); tenant !== null; tenant = await nextTenant(db, tenant)) {
    const days = await daysOf(tenant);
    for (const kind of ["jobs", "arrivals"] as const) {
      for (let page = 0, more = true; more && page < mostPages; page++) {
        const { gone, full } = await retainPage(db, tenant, kind, days, now);
        await removePayloads(gone.flatMap(({ ref }) => (ref === null ? [] : [ref])));
        removed += gone.length;
        more = full;
      }
    }
    await dropLogs(db, tenant, now);
  }
  return { removed };
}

interface OldRow {
  position: string;
  id: string;
  state: JobState;
  ended: number | null;
  ref: string | null;
}

async function retainPage(
  db: D1Database,
  tenant: string,
  kind: keyof typeof old,
  days: RetentionDays,
  now: number,
): Promise<{ gone: OldRow[]; full: boolean }> {
  const walk = `retention-${kind}`;
  const mark = await statement(db, `SELECT position FROM watermarks WHERE tenant = ? AND walk = ?`, tenant, walk).first<{ position: string }>();
  const horizon = timePart(now - Math.min(...Object.values(days)) * day);
  const { results: rows } = await statement(db, old[kind], tenant, mark?.position ?? "", horizon, pageSize).all<OldRow>();
  const gone = rows.filter(({ state, ended }) => ended !== null && state in days && ended < now - days[state as EndedState] * day);
  // What is kept longer is looked at again in the next round, so the walk starts over at the horizon.
  const full = rows.length === pageSize;
  const position = full ? (rows.at(-1)?.position ?? "") : "";
  if (gone.length === 0 && position === (mark?.position ?? "")) return { gone, full };
  const refs = refLists(gone.map(({ id }) => ({ tenant, id })));
  await batch(db, [
    ...drops.flatMap((sql) => refs.map((list) => statement(db, sql, list))),
    statement(
      db,
      `INSERT INTO watermarks (tenant, walk, position) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET position = excluded.position`,
      tenant,
      walk,
      position,
    ),
  ]);
  return { gone, full };
}

async function dropLogs(db: D1Database, tenant: string, now: number): Promise<void> {
  await batch(db, [
    statement(db, `DELETE FROM counters WHERE tenant = ? AND minute < ?`, tenant, now - counterDays * day),
    statement(db, `DELETE FROM audit WHERE tenant = ? AND at < ?`, tenant, now - logDays * day),
    statement(db, `DELETE FROM replays WHERE tenant = ? AND ended < ?`, tenant, now - logDays * day),
  ]);
}

async function nextTenant(db: D1Database, after: string): Promise<string | null> {
  const results = await batch(db, [statement(db, `SELECT min(tenant) AS tenant FROM jobs WHERE tenant > ?`, after)]);
  return rowsOf<{ tenant: string | null }>(results, 0)[0]?.tenant ?? null;
}
