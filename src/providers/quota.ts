/** Seconds until a daily quota resets: midnight UTC. `now` in milliseconds. */
export function untilNextDay(now: number): number {
  const date = new Date(now);
  return secondsUntil(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + 1), now);
}

/** Seconds until a monthly quota resets. */
export function untilNextMonth(now: number): number {
  const date = new Date(now);
  return secondsUntil(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1), now);
}

function secondsUntil(at: number, now: number): number {
  return Math.max(1, Math.ceil((at - now) / 1000));
}
