import { driveCron } from "./cron.ts";
import type { Ending, RunningWorker } from "./worker-process.ts";

const mostCrashes = 5;
const window = 60_000;

export interface KeptUp {
  url: string;
  /** Starts the Worker, with a BOOT_ID of its own. */
  launch(): RunningWorker;
  /** Resolves when the Worker's code has changed after this call. Default: it is not watched. */
  changed?(): Promise<void>;
  /** Resolves once the Worker answers. */
  healthy(signal: AbortSignal): Promise<void>;
  /** Resolves when the Worker no longer answers; never once the signal has fired. */
  silent(signal: AbortSignal): Promise<void>;
  report(line: string): void;
  /** Fires when all is to end. */
  signal: AbortSignal;
}

/**
 * Starts the Worker, drives its cron, and starts it again when its runtime crashes or no longer answers (a job may do either) and when its code
 * has changed. Code that does not start is reported, and tried again after the next change.
 * @returns `up` once it is up for the first time, and `down` with why it is up no more.
 */
export function keepUp(kept: KeptUp): { up: Promise<void>; down: Promise<string> } {
  const first = bringUp(kept);
  return { up: first.up, down: watch(kept, first) };
}

const never = () => new Promise<never>(() => undefined);
const frozen: Ending = { crashed: true, why: "it no longer answers" };
const outdated: Ending = { crashed: false, why: "its code changed" };

interface Life {
  worker: RunningWorker;
  up: Promise<void>;
  silence: Promise<Ending>;
  /** Resolves when its code is no longer the newest. */
  change: Promise<Ending>;
  /** It is the first one with this code. */
  hasChangedCode: boolean;
  over: AbortController;
}

function bringUp(kept: KeptUp, hasChangedCode = false): Life {
  const change = kept.changed?.().then(() => outdated) ?? never();
  const worker = kept.launch();
  const over = new AbortController();
  const signal = AbortSignal.any([kept.signal, over.signal]);
  const up = worker.ready.then(() => kept.healthy(signal)).then(() => void driveCron(kept.url, signal, (line) => kept.report(line)));
  up.catch(() => undefined);
  const silence = up.then(() => kept.silent(signal).then(() => frozen), never);
  return { worker, up, silence, change, hasChangedCode, over };
}

async function watch(kept: KeptUp, first: Life): Promise<string> {
  let life = first;
  let crashes: number[] = [];
  for (;;) {
    // The first start is seen through: its caller waits for it.
    const change = life === first ? life.up.then(() => life.change, never) : life.change;
    const ending = await Promise.race([life.worker.ended, life.silence, failing(life.up), change]);
    life.over.abort();
    if (kept.signal.aborted) return ending.why;
    if (!ending.crashed && !life.hasChangedCode && ending !== outdated) return ending.why;
    if (!ending.crashed) {
      life = await withChangedCode(kept, life, ending);
      if (kept.signal.aborted) return ending.why;
      continue;
    }
    if (ending === frozen) kept.report("The Worker no longer answers; ending it and starting it again.");
    await life.worker.stop();
    crashes = [...crashes, Date.now()].filter((at) => at > Date.now() - window);
    if (crashes.length > mostCrashes) return `its runtime crashed ${crashes.length} times within a minute`;
    if (ending !== frozen) kept.report("The Worker's runtime crashed; starting it again.");
    life = bringUp(kept);
  }
}

/** The next life after a change of the code; one whose code does not start waits for another change. */
async function withChangedCode(kept: KeptUp, life: Life, ending: Ending): Promise<Life> {
  await life.worker.stop();
  if (ending !== outdated) {
    kept.report(`The changed code does not start: ${ending.why.replace(/\.$/, "")}. Waiting for the next change.`);
    await life.change;
  }
  kept.report("The code changed; starting the Worker again.");
  return bringUp(kept, true);
}

/** Resolves only when the Worker could not be brought up. */
function failing(up: Promise<void>): Promise<Ending> {
  return new Promise((resolve) => {
    up.catch((cause: unknown) => resolve({ crashed: false, why: cause instanceof Error ? cause.message : String(cause) }));
  });
}
