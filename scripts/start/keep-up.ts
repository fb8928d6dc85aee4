import { driveCron } from "./cron.ts";
import type { Ending, RunningWorker } from "./worker-process.ts";

const mostCrashes = 5;
const window = 60_000;

export interface KeptUp {
  url: string;
  /** Starts the Worker, with a BOOT_ID of its own. */
  launch(): RunningWorker;
  /** Resolves once the Worker answers. */
  healthy(signal: AbortSignal): Promise<void>;
  /** Resolves when the Worker no longer answers; never once the signal has fired. */
  silent(signal: AbortSignal): Promise<void>;
  report(line: string): void;
  /** Fires when all is to end. */
  signal: AbortSignal;
}

/**
 * Starts the Worker, drives its cron, and starts it again when its runtime crashes or no longer answers: a job may do either.
 * @returns `up` once it is up for the first time, and `down` with why it is up no more.
 */
export function keepUp(kept: KeptUp): { up: Promise<void>; down: Promise<string> } {
  const first = bringUp(kept);
  return { up: first.up, down: watch(kept, first) };
}

const frozen: Ending = { crashed: true, why: "it no longer answers" };

interface Life {
  worker: RunningWorker;
  up: Promise<void>;
  silence: Promise<Ending>;
  over: AbortController;
}

function bringUp(kept: KeptUp): Life {
  const worker = kept.launch();
  const over = new AbortController();
  const signal = AbortSignal.any([kept.signal, over.signal]);
  const up = worker.ready.then(() => kept.healthy(signal)).then(() => void driveCron(kept.url, signal, (line) => kept.report(line)));
  up.catch(() => undefined);
  const silence = up.then(
    () => kept.silent(signal).then(() => frozen),
    () => new Promise<never>(() => undefined),
  );
  return { worker, up, silence, over };
}

async function watch(kept: KeptUp, first: Life): Promise<string> {
  let life = first;
  let crashes: number[] = [];
  for (;;) {
    const ending = await Promise.race([life.worker.ended, life.silence, failing(life.up)]);
    life.over.abort();
    if (!ending.crashed || kept.signal.aborted) return ending.why;
    if (ending === frozen) kept.report("The Worker no longer answers; ending it and starting it again.");
    await life.worker.stop();
    crashes = [...crashes, Date.now()].filter((at) => at > Date.now() - window);
    if (crashes.length > mostCrashes) return `its runtime crashed ${crashes.length} times within a minute`;
    if (ending !== frozen) kept.report("The Worker's runtime crashed; starting it again.");
    life = bringUp(kept);
  }
}

/** Resolves only when the Worker could not be brought up. */
function failing(up: Promise<void>): Promise<Ending> {
  return new Promise((resolve) => {
    up.catch((cause: unknown) => resolve({ crashed: false, why: cause instanceof Error ? cause.message : String(cause) }));
  });
}
