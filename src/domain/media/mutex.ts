/** Runs one piece of work at a time, in the order of the calls. */
export type Mutex = <T>(signal: AbortSignal, work: () => Promise<T>) => Promise<T>;

/**
 * When `signal` fires, waiting or running work is abandoned: its promise rejects with the signal's reason and the next work begins. So work that
 * never ends does not block the others.
 */
export function createMutex(): Mutex {
  let last: Promise<unknown> = Promise.resolve();
  return (signal, work) => {
    const result = last.then(() => {
      signal.throwIfAborted();
      return Promise.race([work(), aborted(signal)]);
    });
    // Drops the result, which may be large.
    last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}
