/** Lets one piece of work run at a time, in the order of asking. */
export type Turns = <T>(signal: AbortSignal, work: () => Promise<T>) => Promise<T>;

/** What waits when `signal` fires is given up: the returned promise rejects with its reason. */
export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (signal, work) => {
    const turn = last.then(() => {
      signal.throwIfAborted();
      return work();
    });
    last = turn.catch(() => undefined);
    return turn;
  };
}
