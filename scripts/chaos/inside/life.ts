import { type Pass, through } from "../../../test/way/worker/switches";

/** One isolate's time, as far as its bindings and its callers see it. */
export interface Life {
  /** What a binding answers after its end reaches no code: it waits for ever. */
  pass: Pass;
  /** The work's end, or an error once the isolate has ended before it. */
  outlived<T>(work: Promise<T>): Promise<T>;
  end(): void;
}

/** What `outlived` throws when the isolate has ended. */
export const isolateEnd = new Error("the isolate has ended");

/** Milliseconds between two looks. */
const look = 100;

/**
 * workerd's `abortIsolate` ends the whole local runtime, its queues included. This ends one set of caches, timers and batches in the middle of
 * what they do, as a deployed isolate ends: queues, database and Durable Objects live on, and its messages are delivered again.
 */
export function createLife(): Life {
  let isOver = false;
  const never = () => new Promise<never>(() => undefined);
  return {
    async pass(name, trouble, what, act) {
      if (isOver) return never();
      try {
        const answer = await through(name, trouble, what, act);
        return isOver ? await never() : answer;
      } catch (cause) {
        if (isOver) return never();
        throw cause;
      }
    },
    async outlived(work) {
      let isDone = false;
      const watch = async () => {
        while (!isOver && !isDone) await scheduler.wait(look);
        if (!isDone) throw isolateEnd;
        return work;
      };
      return Promise.race([work.finally(() => (isDone = true)), watch()]);
    },
    end: () => void (isOver = true),
  };
}
