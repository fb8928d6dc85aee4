/** Lets one piece of work run at a time, in the order of asking. */
export type Turns = <T>(signal: AbortSignal, work: () => Promise<T>) => Promise<T>;

/**
 * What waits or works when `signal` fires is given up: the returned promise rejects with its reason and the next one has its turn, so
 * that work which never ends does not hold up the others for ever.
 */
export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (signal, work) => {
    const turn = last.then(() => {
      signal.throwIfAborted();
      return Promise.race([work(), aborted(signal)]);
    });
    // Without the result, which may be large.
    last = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
}
