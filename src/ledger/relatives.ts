import { type JobState, states } from "../queue/state";
import type { ChildCounts } from "./views";

/** Children of one job that are counted. */
const maxCounted = 1000;

/** The jobs of a parent. The index is named: by its estimates SQLite would walk through all jobs of the tenant. */
export const byParent = `jobs j INDEXED BY jobs_by_parent`;

const childKinds = [...states, "scheduled"] as const;

/** Counts the children of a job, ?2, by state, in one row: of more than 1,000 some. Queued ones that are due after ?3 count as scheduled. */
export const childStates = `
  SELECT ${childKinds.map((kind) => `count(iif(kind = '${kind}', 1, NULL)) AS "${kind}"`).join(", ")}
  FROM (SELECT iif(j.state = 'queued' AND j.due > ?3, 'scheduled', j.state) AS kind FROM ${byParent} WHERE j.tenant = ?1 AND j.parent = ?2 LIMIT ${maxCounted}) c`;

/** The parent of a job, ?2, if it is still kept. */
export const parentOf = `
  SELECT p.type, p.state FROM jobs j CROSS JOIN jobs p ON p.tenant = j.tenant AND p.id = j.parent WHERE j.tenant = ?1 AND j.id = ?2`;

/** The row of `childStates`. */
export type ChildStates = Record<JobState | "scheduled", number>;

export function childCountsOf(row: ChildStates | undefined): ChildCounts {
  const counted = childKinds.flatMap((kind) => (row?.[kind] ? [[kind, row[kind]] as const] : []));
  const total = counted.reduce((sum, [, count]) => sum + count, 0);
  return { total, byState: Object.fromEntries(counted), more: total === maxCounted };
}
