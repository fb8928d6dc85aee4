import { type JobState, states } from "../queue/state";
import type { ChildCounts } from "./views";

/** Children of one job that are counted. */
const maxCounted = 1000;

/** The jobs of a parent. The index is named: by its estimates SQLite would walk through all jobs of the tenant. */
export const byParent = `jobs j INDEXED BY jobs_by_parent`;

/** Counts the children of a job, ?2, by state, in one row: of more than 1,000 some. */
export const childStates = `
  SELECT ${states.map((state) => `count(iif(state = '${state}', 1, NULL)) AS "${state}"`).join(", ")}
  FROM (SELECT j.state FROM ${byParent} WHERE j.tenant = ?1 AND j.parent = ?2 LIMIT ${maxCounted}) c`;

/** The parent of a job, ?2, if it is still kept. */
export const parentOf = `
  SELECT p.type, p.state FROM jobs j CROSS JOIN jobs p ON p.tenant = j.tenant AND p.id = j.parent WHERE j.tenant = ?1 AND j.id = ?2`;

/** The row of `childStates`. */
export type ChildStates = Record<JobState, number>;

export function childCountsOf(row: ChildStates | undefined): ChildCounts {
  const counted = states.flatMap((state) => (row?.[state] ? [[state, row[state]] as const] : []));
  const total = counted.reduce((sum, [, count]) => sum + count, 0);
  return { total, byState: Object.fromEntries(counted), more: total === maxCounted };
}
