import type { JobState } from "../queue/state";
import type { JobFilter, JobView } from "./views";

/** Rows that a list or a search reads before it stops and returns a cursor. */
export const maxExamined = 2000;
/** Rows that a list with filters reads before it answers with the jobs found so far. */
export const maxWalked = 20_000;

/** The jobs with derived ids, by their slots. The index is named: by its estimates SQLite would walk through all jobs of the tenant. */
export const bySlot = `jobs j INDEXED BY jobs_by_slot`;

/** The columns that a list shows; `j` is the table of jobs. */
export const jobColumns = `j.id, j.type, j.version, j.queue, j.state, j.attempt, j.max, j.runs, j.site, j.parent, j.at, j.due, j.reason, j.gate, j.dry, j.cancel, j.started, j.ended, j.progress`;

/** Greater than every id made from a time, smaller than every derived id. */
export const end = "8";

export interface JobListRow {
  position: string;
  id: string;
  type: string;
  version: number;
  queue: string;
  state: JobState;
  attempt: number;
  max: number;
  runs: number;
  site: string | null;
  parent: string | null;
  at: number;
  due: number | null;
  reason: string | null;
  gate: string | null;
  dry: number;
  cancel: number;
  started: number | null;
  ended: number | null;
  progress: string | null;
}

export function matchesFilter(row: JobListRow, filter: JobFilter): boolean {
  return (
    (filter.type === undefined || row.type === filter.type) &&
    (filter.state === undefined || matchesState(row, filter)) &&
    (filter.queue === undefined || row.queue === filter.queue) &&
    (filter.siteId === undefined || row.site === filter.siteId) &&
    (filter.parent === undefined || row.parent === filter.parent)
  );
}

/** `scheduled` selects the queued jobs that are due later. */
function matchesState({ state, due, ended }: JobListRow, { state: wanted, now = 0 }: JobFilter): boolean {
  if (wanted === "open") return ended === null;
  const scheduled = state === "queued" && due !== null && due > now;
  return wanted === "scheduled" ? scheduled : wanted === state;
}

/** Whether a job was accepted in the time that a filter names. */
export function isInRange({ at }: { at: number }, { from = 0, to = Infinity }: JobFilter): boolean {
  return at >= from && at < to;
}

export function jobViewOf(row: JobListRow): JobView {
  const { id, type, version, queue, state, runs, at, due, reason, gate } = row;
  return {
    id,
    type,
    version,
    queue,
    state,
    // The ledger counts failures; the try under way, or the one that succeeded, is an attempt too.
    attempt: row.attempt + (state === "running" || state === "done" ? 1 : 0),
    maxAttempts: row.max,
    runs,
    siteId: row.site,
    at,
    due,
    reason,
    gate,
    dryRun: row.dry === 1,
    cancelling: row.cancel === 1 && state === "running",
    startedAt: row.started,
    endedAt: row.ended,
    progress: row.progress === null ? null : (JSON.parse(row.progress) as JobView["progress"]),
  };
}
