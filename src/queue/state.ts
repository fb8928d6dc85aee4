/** The states of a job; docs/lifecycle.md has what moves it from one to the next. */
export const states = ["queued", "running", "retrying", "waiting", "done", "cancelled", "discarded", "dead"] as const;

export type JobState = (typeof states)[number];

/** States that a job leaves only by an operator's replay. */
const terminal: readonly JobState[] = ["done", "cancelled", "discarded", "dead"];

export function isTerminal(state: JobState): boolean {
  return terminal.includes(state);
}

/** A repeated key of a job that ended otherwise than done runs the job again. */
export const revivedByKey: readonly JobState[] = ["dead", "discarded", "cancelled"];
