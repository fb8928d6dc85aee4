// @ts-check
/** Milliseconds by a clock that goes on while the process is stopped, and is the same in all of its threads. */
export function monotonicNow() {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
