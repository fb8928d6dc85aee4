import type { JobState } from "../queue/state";
import { statement } from "../d1";

/** Something that happened to a job. Times in milliseconds. */
export interface TimelineEntry {
  at: number;
  event: string;
  detail: string | null;
  /** How long the run before it took, or all these runs together when it happened several times; null: no run caused it. */
  ms: number | null;
  /** How often it happened in a row, the first time at `at`. */
  times: number;
  lastAt: number;
}

/** Columns of a job's row from which its timeline is made, together with its rows of history. */
export interface TimelineRow {
  state: JobState;
  at: number;
  started: number | null;
  begun: number | null;
  ended: number | null;
  checkpoints: number;
  checkpointed: number | null;
}

const maxEntries = 500;
const historySql = `
  SELECT at, event, detail, ms, times, coalesce(last_at, at) AS lastAt FROM history WHERE tenant = ? AND job = ? ORDER BY at LIMIT ${maxEntries}`;

/** Reads `TimelineEntry` rows, the oldest first. */
export function historyStatement(db: D1Database, tenant: string, id: string): D1PreparedStatement {
  return statement(db, historySql, tenant, id);
}

/** Acceptance, first start, the current run and an end without details are read from the job's row; all else has a row of history. Oldest first. */
export function timelineOf(row: TimelineRow, history: readonly TimelineEntry[]): TimelineEntry[] {
  const entries = [once(row.at, "queued"), ...history];
  if (row.started !== null) entries.push(once(row.started, "running"));
  if (row.state === "running" && row.begun !== null && row.begun !== row.started) entries.push(once(row.begun, "running"));
  if (row.checkpointed !== null) entries.push({ ...once(row.checkpointed, "checkpoint"), times: row.checkpoints });
  if (row.ended !== null && !history.some(({ event }) => event === row.state)) entries.push({ ...once(row.ended, row.state), ms: lastRunOf(row) });
  return entries.toSorted((left, right) => left.at - right.at);
}

function once(at: number, event: string): TimelineEntry {
  return { at, event, detail: null, ms: null, times: 1, lastAt: at };
}

/** How long the last run of a done job took; null for other states, which need no run. Milliseconds. */
function lastRunOf({ state, begun, ended }: TimelineRow): number | null {
  return state === "done" && begun !== null && ended !== null ? ended - begun : null;
}

/** ?1 [tenant, id, at, event, detail, ms, whether it folds] of each, ?2 token. */
const newEntries = `(SELECT value->>0 AS tenant, value->>1 AS id, value->>2 AS at, value->>3 AS event, value->>4 AS detail, value->>5 AS ms, value->>6 AS folds FROM json_each(?1)) s`;
const ours = `JOIN jobs j ON j.tenant = s.tenant AND j.id = s.id`;

/** Raises the count of a job's newest entry when it has the same event. A repeat with the same time changes nothing. */
export const foldHistory = `
  UPDATE history SET times = times + 1, last_at = s.at, ms = iif(s.ms IS NULL, history.ms, coalesce(history.ms, 0) + s.ms)
  FROM ${newEntries} ${ours}
  WHERE s.folds AND j.lease = ?2 AND history.tenant = s.tenant AND history.job = s.id AND history.event = s.event AND coalesce(history.last_at, history.at) < s.at
    AND history.at = (SELECT max(h.at) FROM history h WHERE h.tenant = s.tenant AND h.job = s.id)`;

/** Adds the entries that were not folded. */
export const addHistory = `
  INSERT INTO history (tenant, job, at, event, detail, ms) SELECT s.tenant, s.id, s.at, iif(j.state = 'cancelled', 'cancelled', s.event), s.detail, s.ms
  FROM ${newEntries} ${ours}
  WHERE j.lease = ?2 AND NOT (s.folds AND EXISTS (SELECT 1 FROM history h WHERE h.tenant = s.tenant AND h.job = s.id AND h.event = s.event AND h.last_at = s.at))
  ON CONFLICT DO NOTHING`;
