import type { GateLimits } from "./gate-limits";

/** A token bucket. `tokens` is null while there is no limit of rate; `at` is when it was last filled, in milliseconds. */
export interface Bucket {
  tokens: number | null;
  at: number;
}

/** When a clock is further behind than this, the stored time counts as wrong. */
const maxSkewMs = 60_000;

/** The rate in force; without one there is no limit. */
export function bucketOf({ perSecond, burst }: GateLimits): { perSecond: number; burst: number } {
  return { perSecond: perSecond ?? Infinity, burst: burst ?? Math.max(1, Math.ceil(perSecond ?? 1)) };
}

/** Adds the tokens of the elapsed time, up to the burst. A caller whose clock is behind changes nothing. */
export function refill(bucket: Bucket, limits: GateLimits, now: number): Bucket {
  if (limits.perSecond === undefined) return { tokens: null, at: now };
  const { perSecond, burst } = bucketOf(limits);
  if (bucket.tokens === null) return { tokens: burst, at: now };
  const passed = Math.max(0, now - bucket.at);
  const at = bucket.at - now > maxSkewMs ? now : Math.max(bucket.at, now);
  return { tokens: Math.min(burst, bucket.tokens + (passed * perSecond) / 1000), at };
}

/** Takes one token; undefined when there is none. Slightly less than one counts as one: sums of fractions are inexact. */
export function takeToken(bucket: Bucket): Bucket | undefined {
  if (bucket.tokens === null) return bucket;
  return bucket.tokens >= 1 - 1e-9 ? { ...bucket, tokens: Math.max(0, bucket.tokens - 1) } : undefined;
}

/** Returns the token of a job that made no call. */
export function refund(bucket: Bucket, limits: GateLimits): Bucket {
  return bucket.tokens === null ? bucket : { ...bucket, tokens: Math.min(bucketOf(limits).burst, bucket.tokens + 1) };
}
