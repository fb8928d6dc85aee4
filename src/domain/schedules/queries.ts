import { createStateLookup } from "../../ledger/states";
import type { JobState } from "../../queue/state";
import { previousTimes } from "./cron";
import type { Schedule } from "./model";

/** The result of one planned time. Milliseconds. */
interface PastRun {
  plannedAt: number;
  jobId: string;
  /** Null: no job of that time is stored: it was skipped, or deleted by retention. */
  state: JobState | null;
}

const maxPastRuns = 5;
/** Schedules of one list whose past runs are read. */
const maxSchedules = 100;

/** The last planned times of these schedules, the newest first, by the schedule's name. `idOf` gives the job's id of a planned time. */
export async function pastRuns(
  db: D1Database,
  schedules: readonly Schedule[],
  now: number,
  idOf: (schedule: Schedule, plannedAt: number) => Promise<string | undefined>,
): Promise<ReadonlyMap<string, PastRun[]>> {
  const listed = schedules.slice(0, maxSchedules);
  const planned = listed.flatMap((schedule) => {
    const times = previousTimes(schedule, now, maxPastRuns).filter((at) => at >= schedule.createdAt);
    return times.map((plannedAt) => ({ schedule, plannedAt }));
  });
  const ids = await Promise.all(planned.map(({ schedule, plannedAt }) => idOf(schedule, plannedAt)));
  const stateOf = createStateLookup(db);
  const states = await Promise.all(ids.map((id, index) => (id === undefined ? null : stateOf(planned[index]?.schedule.tenant ?? "", id))));
  const runs = new Map<string, PastRun[]>(listed.map(({ name }) => [name, []]));
  for (const [index, { schedule, plannedAt }] of planned.entries()) {
    const jobId = ids[index];
    if (jobId !== undefined) runs.get(schedule.name)?.push({ plannedAt, jobId, state: states[index] ?? null });
  }
  return runs;
}
