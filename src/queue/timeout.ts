import { HeldBack } from "./children";
import { end, RunEnded, type RunState } from "./context";
import type { Engine } from "./engine";
import { retry, wait, type Outcome } from "./outcome";
import { reasonOf } from "../masking/redact";

/** A run that ignores its signal is given up this long after it. Milliseconds. */
const grace = 2000;

/**
 * The one place where a throw becomes a failure, and where a run that does not end is ended. A handler of many jobs goes on
 * as long as one of them is wanted: its signal fires when all of them have been ended.
 */
export async function withTimeout<T>(engine: Engine, runs: readonly RunState[], work: (signal: AbortSignal) => Promise<T>): Promise<T | Outcome | RunEnded> {
  const seconds = runs[0]?.contract.policy.timeout ?? 0;
  const all = new AbortController();
  const timers: ReturnType<typeof setTimeout>[] = [];
  const over = new Promise<RunEnded>((resolve) => {
    timers.push(setTimeout(() => runs.forEach((run) => end(run, "timeout")), seconds * 1000));
    const look = ({ ended }: RunState) => {
      if (!ended || runs.some((run) => !run.ended)) return;
      all.abort(ended);
      timers.push(setTimeout(() => resolve(ended), grace));
    };
    for (const run of runs) run.controller.signal.addEventListener("abort", () => look(run));
  });
  try {
    return await Promise.race([work(all.signal), over]);
  } catch (thrown) {
    const ended = runs[0]?.ended;
    if (ended && runs.every((run) => run.ended)) return ended;
    if (thrown instanceof HeldBack) return wait(thrown.message, { until: thrown.until });
    if (thrown instanceof RunEnded) return wait("another job of its batch was ended", { until: engine.now() });
    engine.emit({ event: "trouble", where: "run", reason: reasonOf(thrown), ...(runs[0] ? { id: runs[0].job.id, tenant: runs[0].job.tenant } : {}) });
    return retry(reasonOf(thrown));
  } finally {
    timers.forEach(clearTimeout);
  }
}
