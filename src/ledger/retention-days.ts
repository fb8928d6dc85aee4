import type { JobState } from "../queue/state";

export type EndedState = Extract<JobState, "done" | "cancelled" | "discarded" | "dead">;
/** Days an ended job is kept, by its state, and a counted event. */
export type RetentionDays = Record<EndedState | "analytics", number>;
