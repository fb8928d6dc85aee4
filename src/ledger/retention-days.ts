import type { JobState } from "../queue/state";

/** Milliseconds. */
export const day = 24 * 3600_000;

export type EndedState = Extract<JobState, "done" | "cancelled" | "discarded" | "dead">;
/** Days an ended job is kept, by its state, and a counted event. */
export type RetentionDays = Record<EndedState | "analytics", number>;
