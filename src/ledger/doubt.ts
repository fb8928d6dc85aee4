import { leaseMarginMs, maxBatchMs } from "../queue/lease";

/** Since when a job is in doubt whose run, or its Worker, ended without an answer: its lease began no earlier than this. Milliseconds. */
export const doubtful = `iif(jobs.doubt > 0, jobs.doubt, max(1, jobs.until - ${maxBatchMs + leaseMarginMs}))`;
