import { aboutJob } from "../../trace";
import { type ActiveRun, RunEnded } from "../active-run";
import { HeldBack } from "./children";
import type { Engine } from "../engine";
import { retry, wait } from "../outcome";
import { redactedReason } from "../../masking/redact";

/** A run that ignores its signal is given up this long after it. */
const graceMs = 2000;
/** Runs that start within this time, or an eighth of a shorter time-out, share a timer. */
const maxWindowMs = 1000;

/** Runs of one type that started at about the same time. */
interface Cohort {
  since: number;
  running: Set<ActiveRun>;
}

/**
 * The time-out of a type within one batch. Runs share timers, since most end long before theirs fires: a run is ended when its time is
 * over, or up to a second later.
 */
export class Timeout {
  private readonly windowMs: number;
  private newest: Cohort | undefined;
  private readonly timers: ReturnType<typeof setTimeout>[] = [];

  constructor(
    private readonly engine: Engine,
    private readonly seconds: number,
  ) {
    this.windowMs = Math.min(maxWindowMs, seconds * 125);
  }

  /** Watches runs that start now; the answer stops it. */
  watch(runs: readonly ActiveRun[]): () => void {
    const { running } = this.cohort();
    for (const run of runs) running.add(run);
    return () => runs.forEach((run) => running.delete(run));
  }

  /** All runs have ended. */
  close(): void {
    this.timers.forEach(clearTimeout);
  }

  private cohort(): Cohort {
    const now = this.engine.now();
    if (this.newest && now - this.newest.since < this.windowMs) return this.newest;
    const cohort: Cohort = { since: now, running: new Set() };
    const end = () => {
      if (this.newest === cohort) this.newest = undefined;
      for (const run of cohort.running) run.end("timeout");
    };
    this.timers.push(setTimeout(end, this.seconds * 1000 + this.windowMs));
    return (this.newest = cohort);
  }
}

/**
 * Calls `work` and gives what it returns. The one place where a throw becomes a failure, and where a run that does not end is given up.
 * A handler of many jobs goes on as long as one of them is not ended; `onAllEnded` is called when the last one is.
 */
export async function withTimeout(
  engine: Engine,
  timeout: Timeout,
  runs: readonly ActiveRun[],
  work: () => Promise<unknown>,
  onAllEnded: () => void = () => undefined,
): Promise<unknown> {
  const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<undefined>();
  const areAllEnded = () => runs.every(({ ended }) => ended);
  let grace: ReturnType<typeof setTimeout> | undefined;
  const onEnd = () => {
    if (!areAllEnded()) return;
    onAllEnded();
    grace = setTimeout(() => giveUp(undefined), graceMs);
  };
  for (const run of runs) run.onEnd = onEnd;
  const stopWatching = timeout.watch(runs);
  try {
    return await Promise.race([work(), givenUp]);
  } catch (thrown) {
    if (areAllEnded()) return undefined;
    if (thrown instanceof HeldBack) return wait(thrown.message, { until: thrown.until });
    if (thrown instanceof RunEnded) return wait("another job of its batch was ended", { until: engine.now() });
    engine.emit({
      event: "trouble",
      where: "run",
      reason: redactedReason(thrown),
      ...(runs[0] ? aboutJob(runs[0].delivery.envelope) : {}),
    });
    return retry(redactedReason(thrown));
  } finally {
    stopWatching();
    if (grace !== undefined) clearTimeout(grace);
    for (const run of runs) run.onEnd = undefined;
  }
}
