/** The states of a job; docs/lifecycle.md says who moves it from one to the next. */
export const states = ["queued", "running", "retrying", "waiting", "done", "cancelled", "discarded", "dead"] as const;

export type JobState = (typeof states)[number];

/** States that a job leaves only by an operator's replay. */
const terminal: readonly JobState[] = ["done", "cancelled", "discarded", "dead"];

export function isTerminal(state: JobState): boolean {
  return terminal.includes(state);
}

/** A sender who repeats the key of a job that ended otherwise than done wants it done. */
export const revivedByKey: readonly JobState[] = ["dead", "discarded", "cancelled"];
