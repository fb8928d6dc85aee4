/** Milliseconds of a minute. */
export const minuteMs = 60_000;
/** Milliseconds of an hour. */
export const hourMs = 3_600_000;
/** Milliseconds of a day. */
export const dayMs = 86_400_000;
/** Seconds of a day. */
export const daySeconds = 86_400;

/**
 * Days for which the row of an ended job is kept at least. A message is delivered up to 4 days after it was sent, the default retention of
 * Cloudflare Queues. A copy that finds no row would run its job once more.
 */
export const minRetentionDays = 5;
