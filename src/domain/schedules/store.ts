import { changes } from "../../d1";
import { type RowBound, hasRoom, maxSchedules, tooManyRows } from "../../tenants/bounds";
import { nextAfter } from "./cron";
import type { LastRun, Schedule, ScheduleInput, ScheduleOutcome } from "./model";

/** The result of a tick for one schedule. Written only while its next planned time is still the one that the tick read. */
export interface Advance {
  schedule: Schedule;
  /** The next planned time; unchanged when the current one is to be tried again. */
  nextAt: number | null;
  last: LastRun;
}

export type ScheduleStore = ReturnType<typeof createScheduleStore>;

export function createScheduleStore(db: D1Database) {
  return {
    /** Creates or replaces. Planned times restart from `now` only when cron, time zone or `enabled` changed. Throws `invalid` beyond `maxSchedules`. */
    put: (tenant: string, name: string, input: ScheduleInput, now: number): Promise<{ schedule: Schedule; created: boolean }> =>
      putSchedule(db, tenant, name, input, now),
    /** Creates the schedules of a new site that do not exist yet; the tenant's limit does not apply. */
    give: async (tenant: string, inputs: Readonly<Record<string, ScheduleInput>>, now: number): Promise<void> => {
      const give = db.prepare(giveSql);
      await db.batch(Object.entries(inputs).map(([name, input]) => give.bind(...putValues(tenant, name, input, now))));
    },
    get: async (tenant: string, name: string): Promise<Schedule | null> => {
      const row = await db.prepare("SELECT * FROM schedules WHERE tenant = ?1 AND name = ?2").bind(tenant, name).first<Row>();
      return row && fromRow(row);
    },
    /** By name. */
    list: async (tenant: string): Promise<Schedule[]> => {
      const { results } = await db.prepare("SELECT * FROM schedules WHERE tenant = ?1 ORDER BY name").bind(tenant).all<Row>();
      return results.map(fromRow);
    },
    /** False: there was none. Its jobs stay. */
    remove: async (tenant: string, name: string): Promise<boolean> => {
      return (await changes(db, "DELETE FROM schedules WHERE tenant = ?1 AND name = ?2", tenant, name)) > 0;
    },
    /** Removes all schedules of a removed site, those of operators too. */
    removeSite: async (tenant: string, site: string): Promise<void> =>
      void (await db.prepare("DELETE FROM schedules WHERE tenant = ?1 AND site_id = ?2").bind(tenant, site).run()),
    /** Due schedules of all tenants: each tenant's oldest first, then each tenant's second, and so on. */
    due: async (now: number, limit: number): Promise<Schedule[]> => {
      const { results } = await db.prepare(dueSql).bind(now, limit).all<Row>();
      return results.map(fromRow);
    },
    /** Advances schedules, one result each: false when another tick, or a change of the schedule, was first. */
    advance: (advances: readonly Advance[]): Promise<boolean[]> => advance(db, advances),
  };
}

/** Due schedules: the first of each tenant, then the second of each, and so on, so that a tenant with many schedules does not delay the others. */
export const dueSql = `
  SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY tenant ORDER BY next_at, name) AS round FROM schedules WHERE next_at <= ?1)
  ORDER BY round, next_at, tenant LIMIT ?2`;

const bound: RowBound = { table: "schedules", key: "name", max: maxSchedules, what: "schedules; remove one first", counted: "given = 0" };

const insert = (given: 0 | 1) => `
  INSERT INTO schedules (tenant, name, type, payload, site_id, cron, zone, misfire, overlap, spread_seconds, enabled, created_at, updated_at, next_at, given)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12, ?13, ${given}`;

// `WHERE TRUE`: the parser would take ON CONFLICT for a join's condition.
const giveSql = `${insert(1)} WHERE TRUE ON CONFLICT DO NOTHING`;

const putSql = `${insert(0)} WHERE ${hasRoom(bound)}
  ON CONFLICT (tenant, name) DO UPDATE SET
    type = excluded.type, payload = excluded.payload, site_id = excluded.site_id, misfire = excluded.misfire, overlap = excluded.overlap,
    spread_seconds = excluded.spread_seconds, updated_at = excluded.updated_at, cron = excluded.cron, zone = excluded.zone, enabled = excluded.enabled,
    next_at = CASE WHEN (cron, zone, enabled) = (excluded.cron, excluded.zone, excluded.enabled) THEN next_at ELSE excluded.next_at END
  RETURNING *`;

const advanceSql = `
  UPDATE schedules SET next_at = a.next, last_planned_at = a.planned, last_job_id = a.job, last_outcome = a.outcome, last_note = a.note
  FROM (SELECT value->>0 AS tenant, value->>1 AS name, value->>2 AS seen, value->>3 AS next, value->>4 AS planned, value->>5 AS job,
    value->>6 AS outcome, value->>7 AS note FROM json_each(?1)) a
  WHERE schedules.tenant = a.tenant AND schedules.name = a.name AND schedules.next_at = a.seen
  RETURNING schedules.tenant, schedules.name`;

async function putSchedule(db: D1Database, tenant: string, name: string, input: ScheduleInput, now: number) {
  const [before, written] = await db.batch<Row>([
    db.prepare("SELECT * FROM schedules WHERE tenant = ?1 AND name = ?2").bind(tenant, name),
    db.prepare(putSql).bind(...putValues(tenant, name, input, now)),
  ]);
  const row = written?.results[0];
  if (!row) throw tooManyRows(bound);
  return { schedule: fromRow(row), created: before?.results.length === 0 };
}

function putValues(tenant: string, name: string, input: ScheduleInput, now: number) {
  const { type, payload, siteId, cron, timezone, misfire, overlap, spreadSeconds, enabled } = input;
  const nextAt = enabled ? nextAfter(input, now) : null;
  return [tenant, name, type, JSON.stringify(payload), siteId ?? null, cron, timezone, misfire, overlap, spreadSeconds, enabled ? 1 : 0, now, nextAt];
}

async function advance(db: D1Database, advances: readonly Advance[]): Promise<boolean[]> {
  if (advances.length === 0) return [];
  const rows = advances.map(({ schedule: { tenant, name, nextAt: seen }, nextAt, last }) => [
    tenant,
    name,
    seen,
    nextAt,
    last.plannedAt,
    last.jobId,
    last.outcome,
    last.note,
  ]);
  const { results } = await db.prepare(advanceSql).bind(JSON.stringify(rows)).all<{ tenant: string; name: string }>();
  const won = new Set(results.map(({ tenant, name }) => `${tenant}/${name}`));
  return advances.map(({ schedule: { tenant, name } }) => won.has(`${tenant}/${name}`));
}

interface Row extends Pick<Schedule, "tenant" | "name" | "type" | "cron" | "misfire" | "overlap"> {
  payload: string;
  site_id: string | null;
  zone: string;
  spread_seconds: number;
  enabled: number;
  created_at: number;
  updated_at: number;
  next_at: number | null;
  last_planned_at: number | null;
  last_job_id: string | null;
  last_outcome: ScheduleOutcome | null;
  last_note: string | null;
}

function fromRow(row: Row): Schedule {
  const { tenant, name, type, cron, misfire, overlap, site_id: siteId, zone: timezone, spread_seconds: spreadSeconds } = row;
  const { created_at: createdAt, updated_at: updatedAt, next_at: nextAt } = row;
  return {
    ...{ tenant, name, type, payload: JSON.parse(row.payload) as Record<string, unknown>, siteId, cron, timezone, misfire, overlap, spreadSeconds },
    ...{ enabled: row.enabled === 1, createdAt, updatedAt, nextAt, last: lastRun(row) },
  };
}

function lastRun(row: Row): LastRun | null {
  if (row.last_planned_at === null || row.last_outcome === null) return null;
  return { plannedAt: row.last_planned_at, outcome: row.last_outcome, note: row.last_note ?? "", jobId: row.last_job_id };
}
