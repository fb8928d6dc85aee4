/** What a gate lets in. */
export interface GateLimits {
  /** Jobs inside at once. Default 100. */
  concurrency?: number | undefined;
  /** Jobs let in per second, over time. Default: no such limit. */
  perSecond?: number | undefined;
  /** Jobs let in at once after a quiet time. Default: what one second gives, at least 1. */
  burst?: number | undefined;
  breaker?: BreakerLimits | undefined;
}

export interface BreakerLimits {
  /** Transient failures in a row that open the circuit. Default 5. */
  failures?: number | undefined;
  /** Seconds it stays open the first time; doubles with each probe that fails, up to 10 minutes. Default 30. */
  openSeconds?: number | undefined;
}
