/**
 * A circuit breaker without timers: closed; open until a time; and after that time half-open,
 * which admits one job, the probe. Only transient failures in a row count.
 */
export interface Breaker {
  /** Raised whenever it opens, closes or sends a probe: results of an older generation are ignored. */
  generation: number;
  /** Transient failures in a row while closed. */
  failures: number;
  /** Times it opened since it was last closed. */
  openings: number;
  /** Null while it is closed. */
  openUntil: number | null;
  /** When it opened; failed probes do not change it. Undefined while it is closed, and when an earlier version opened it. Milliseconds. */
  openedAt?: number | undefined;
  /** Lease of the current probe. */
  probe: string | null;
}

export const defaultBreaker = { failures: 5, openSeconds: 30 };
export const maxOpenMs = 600_000;

export function closed(generation: number): Breaker {
  return { generation, failures: 0, openings: 0, openUntil: null, probe: null };
}

/** Whether an open breaker is due for a probe. */
export function breakerDue(breaker: Breaker, now: number): boolean {
  return breaker.openUntil !== null && breaker.openUntil <= now;
}

/** Admits the next job as the probe before the time; the result of an earlier probe is ignored. */
export function breakerProbed(breaker: Breaker, now: number): Breaker {
  if (breaker.openUntil === null) return breaker;
  return { ...breaker, generation: breaker.generation + 1, openUntil: Math.min(breaker.openUntil, now), probe: null };
}

/** The dependency answered, even with a refusal: the circuit closes. */
export function breakerAnswered(breaker: Breaker): Breaker {
  return breaker.openUntil === null ? { ...breaker, failures: 0 } : closed(breaker.generation + 1);
}

/** A transient failure of the current generation: one more in a row, or the end of a probe. */
export function breakerFailed(breaker: Breaker, limits: { failures: number; openSeconds: number }, now: number): Breaker {
  const failures = breaker.failures + 1;
  if (breaker.openUntil === null && failures < limits.failures) return { ...breaker, failures };
  const open = Math.min(maxOpenMs, limits.openSeconds * 1000 * 2 ** Math.min(breaker.openings, 20));
  return {
    generation: breaker.generation + 1,
    failures,
    openings: breaker.openings + 1,
    openUntil: now + open,
    openedAt: openedAt(breaker, now),
    probe: null,
  };
}

/** Since when a breaker that opens now is open: one that is open already stays so. */
export function openedAt(breaker: Breaker, now: number): number | undefined {
  return breaker.openUntil === null ? now : breaker.openedAt;
}
