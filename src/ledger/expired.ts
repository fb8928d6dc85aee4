import { dayMs } from "../time/day";
import { timePart } from "../queue/id";
import type { JobState } from "../queue/state";
import { refLists, rowsOf, statement } from "../d1";
import { bySlot } from "./job-rows";
import type { Metered } from "./metered";
import { type EndedState, type RetentionDays } from "./retention-days";
import { markStatement } from "./watermarks";

/** Rows looked at in one page. */
const pageSize = 500;

/** One tenant whose old rows are removed, and until when each state is kept. */
export interface Expiry {
  tenant: string;
  days: RetentionDays;
  now: number;
  /** How far the tenant's walks have come, by their names. */
  marks: Map<string, string>;
}

/** What one page removed; `more` when there may be another. */
export interface Removed {
  count: number;
  /** Payloads and results in R2 that belonged to removed jobs. */
  refs: string[];
  more: boolean;
}

const old = {
  "retention-jobs": `SELECT id AS position, id, state, ended FROM jobs WHERE tenant = ?1 AND id > ?2 AND id < ?3 ORDER BY id LIMIT ?4`,
  "retention-derived": `
    SELECT j.slot AS position, j.id, j.state, j.ended FROM ${bySlot} WHERE j.tenant = ?1 AND j.slot > ?2 AND j.slot < ?3 ORDER BY j.slot LIMIT ?4`,
} as const;

/** The two walks over jobs: made ids by themselves, derived ones by their slots. */
export const jobWalks = Object.keys(old) as (keyof typeof old)[];

/** Only jobs that are still ended: a replay may have brought one back since its row was read. */
const ended = `SELECT j.tenant, j.id FROM json_each(?1) e CROSS JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1 WHERE j.ended IS NOT NULL`;

const drops = [
  `DELETE FROM entities WHERE (tenant, key, id) IN (
     SELECT j.tenant, n.value, j.id FROM json_each(?1) e CROSS JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1, json_each(j.entities) n WHERE j.entities IS NOT NULL AND j.ended IS NOT NULL)`,
  `DELETE FROM effects WHERE (tenant, job) IN (${ended})`,
  `DELETE FROM history WHERE (tenant, job) IN (${ended})`,
  `DELETE FROM dead_letters WHERE (tenant, died, id) IN (SELECT j.tenant, j.ended, j.id FROM json_each(?1) e CROSS JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1)`,
  // Rows of an earlier release.
  `DELETE FROM arrivals WHERE (tenant, slot) IN (SELECT j.tenant, j.slot FROM json_each(?1) e CROSS JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1 WHERE j.slot IS NOT NULL AND j.ended IS NOT NULL)`,
  `DELETE FROM jobs WHERE (tenant, id) IN (SELECT value->>0, value->>1 FROM json_each(?1)) AND ended IS NOT NULL RETURNING ref, result_ref AS resultRef`,
];

/** Removes one page of ended jobs past their time, with all their side rows. */
export async function expireJobs(metered: Metered, walk: keyof typeof old, { tenant, days, now, marks }: Expiry): Promise<Removed> {
  const { db } = metered;
  const from = marks.get(walk) ?? "";
  const horizon = timePart(now - Math.min(days.done, days.cancelled, days.discarded, days.dead) * dayMs);
  const rows = rowsOf<OldRow>(await metered.run([statement(db, old[walk], tenant, from, horizon, pageSize)]), 0);
  const gone = rows.filter(({ state, ended }) => ended !== null && state in days && ended < now - days[state as EndedState] * dayMs);
  // Jobs that are kept longer are read again in the next round: at the horizon the walk starts over.
  const more = rows.length === pageSize;
  const position = more ? (rows.at(-1)?.position ?? "") : "";
  const refs = refLists(gone.map(({ id }) => ({ tenant, id })));
  const moved = position === from ? [] : [markStatement(db, tenant, walk, position)];
  const statements = [...drops.flatMap((sql) => refs.map((list) => statement(db, sql, list))), ...moved];
  const results = statements.length > 0 ? await metered.run(statements) : [];
  marks.set(walk, position);
  const removed = refs.flatMap((_, index) => rowsOf<{ ref: string | null; resultRef: string | null }>(results, (drops.length - 1) * refs.length + index));
  return { count: removed.length, refs: removed.flatMap(({ ref, resultRef }) => [ref, resultRef].filter((key) => key !== null)), more };
}

interface OldRow {
  position: string;
  id: string;
  state: JobState;
  ended: number | null;
}

/** Counted events whose ids hold the time at which they were made. */
const madeEvents = `
  DELETE FROM analytics_events WHERE (tenant, job) IN (
    SELECT tenant, job FROM analytics_events WHERE tenant = ?1 AND job < ?2 AND at < ?3 ORDER BY job LIMIT ${pageSize}) RETURNING 1 AS gone`;

/** Removes one page of counted events that are older than the tenant keeps them. */
export async function expireEvents(metered: Metered, { tenant, days, now }: Expiry): Promise<Removed> {
  const horizon = now - days.analytics * dayMs;
  const [gone = []] = [rowsOf(await metered.run([statement(metered.db, madeEvents, tenant, timePart(horizon), horizon)]), 0)];
  return { count: gone.length, refs: [], more: gone.length === pageSize };
}

export const eventWalk = "retention-events";
/** Below every derived id, above every made one. */
const derived = "k";

const keyedEvents = `SELECT job, at FROM analytics_events WHERE tenant = ?1 AND job > ?2 ORDER BY job LIMIT ${pageSize}`;
const dropEvents = `DELETE FROM analytics_events WHERE (tenant, job) IN (SELECT value->>0, value->>1 FROM json_each(?1))`;

/** Derived ids hold no time: each call looks at one page of them, and after the last page at the first again. */
export async function expireKeyedEvents(metered: Metered, { tenant, days, now, marks }: Expiry): Promise<Removed> {
  const { db } = metered;
  const from = marks.get(eventWalk) ?? "";
  const rows = rowsOf<{ job: string; at: number }>(await metered.run([statement(db, keyedEvents, tenant, from === "" ? derived : from)]), 0);
  const gone = rows.filter(({ at }) => at < now - days.analytics * dayMs).map(({ job }) => ({ tenant, id: job }));
  const position = rows.length === pageSize ? (rows.at(-1)?.job ?? "") : "";
  const moved = position === from ? [] : [markStatement(db, tenant, eventWalk, position)];
  const dropped = refLists(gone).map((list) => statement(db, dropEvents, list));
  if (dropped.length + moved.length > 0) await metered.run([...dropped, ...moved]);
  return { count: gone.length, refs: [], more: false };
}
