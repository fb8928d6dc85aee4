import { rowsOf, statement, batch, lists } from "../../d1";
import type { JobState } from "../../queue/state";
import { previousTimes } from "./cron";
import type { Schedule } from "./model";

/** What became of one planned time. Milliseconds. */
export interface PastRun {
  plannedAt: number;
  jobId: string;
  /** Null: no job of that time is known: it was skipped, or is kept no longer. */
  state: JobState | null;
}

export const maxPastRuns = 5;
/** Schedules of one list whose past is looked up. */
const maxSchedules = 100;

const statesOf = `SELECT j.id, j.state FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1`;

/** The last planned times of these schedules, the newest first, by the schedule's name. `idOf`: of the job that a planned time has. */
export async function pastRuns(
  db: D1Database,
  schedules: readonly Schedule[],
  now: number,
  idOf: (schedule: Schedule, plannedAt: number) => Promise<string | undefined>,
): Promise<ReadonlyMap<string, PastRun[]>> {
  const planned = schedules
    .slice(0, maxSchedules)
    .flatMap((schedule) => previousTimes(schedule, now, maxPastRuns).flatMap((at) => (at < schedule.createdAt ? [] : [{ schedule, at }])));
  const ids = await Promise.all(planned.map(({ schedule, at }) => idOf(schedule, at)));
  const parts = lists(planned.flatMap(({ schedule }, index) => (ids[index] === undefined ? [] : [[schedule.tenant, ids[index]]])));
  const results =
    parts.length === 0
      ? []
      : await batch(
          db,
          parts.map((list) => statement(db, statesOf, list)),
        );
  const states = new Map(parts.flatMap((_, index) => rowsOf<{ id: string; state: JobState }>(results, index)).map(({ id, state }) => [id, state]));
  const runs = new Map<string, PastRun[]>(schedules.map(({ name }) => [name, []]));
  for (const [index, { schedule, at }] of planned.entries()) {
    const jobId = ids[index];
    if (jobId !== undefined) runs.get(schedule.name)?.push({ plannedAt: at, jobId, state: states.get(jobId) ?? null });
  }
  return runs;
}
