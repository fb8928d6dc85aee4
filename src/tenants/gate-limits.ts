/** The limits of a gate. */
export interface GateLimits {
  /** Jobs inside at once. Default 100. */
  concurrency?: number | undefined;
  /** Jobs admitted per second, on average. Default: no limit. */
  perSecond?: number | undefined;
  /** Jobs admitted at once after a pause. Default: those of one second, at least 1. */
  burst?: number | undefined;
  breaker?: BreakerLimits | undefined;
}

export interface BreakerLimits {
  /** Transient failures in a row that open the circuit. Default 5. */
  failures?: number | undefined;
  /** Seconds that it stays open the first time; doubles with each failed probe, up to 10 minutes. Default 30. */
  openSeconds?: number | undefined;
}
