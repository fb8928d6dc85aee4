import { cursorIssue } from "./outcome";
import type { Engine } from "./engine";
import type { ActiveRun } from "./active-run";
import type { ChildOptions, Contract, InputOf, RunContext } from "./job";
import { cancelChild, enqueueChild } from "./run/children";
import { endedBy } from "./run/heartbeat";
import { performEffect, recordedOf } from "./run/perform-effect";
import { deadlineOf } from "./lease";
import { maskKnownValues } from "../masking/known-values";
import { redact } from "../masking/redact";

/** `shouldYield` is true after this. Milliseconds. */
const yieldAfterMs = 60_000;
/** Progress is written at most this often. Milliseconds. */
const progressEveryMs = 1000;

export function createContext(engine: Engine, run: ActiveRun): RunContext {
  const { job } = run;
  return {
    tenant: job.tenant,
    id: job.id,
    type: run.contract.type,
    attempt: job.attempt + 1,
    at: job.at,
    pinnedAt: job.pinned ?? job.at,
    revision: job.revision,
    get signal() {
      return run.signal;
    },
    dryRun: run.delivery.dry,
    cursor: job.cursor === null ? undefined : JSON.parse(job.cursor),
    now: engine.now,
    effect: (key, act, options) => performEffect(engine, run, key, act, options),
    recorded: (key) => recordedOf(run, key),
    progress: (done, total, note) => progress(run, engine.now(), done, total, note),
    checkpoint: (cursor, writes) => checkpoint(engine, run, cursor, writes),
    shouldYield: () => engine.now() - run.startedAt >= yieldAfterMs || engine.now() >= deadlineOf(run.lease) - 5000,
    enqueue: <C extends Contract>(contract: C, payload: InputOf<C>, options: ChildOptions) => {
      run.refuseIfEnded();
      return enqueueChild(engine, run, contract, payload, options);
    },
    cancel: (contract, key) => {
      run.refuseIfEnded();
      return cancelChild(engine, run, contract, key);
    },
  };
}

async function progress(run: ActiveRun, at: number, done: number, total?: number, note?: string): Promise<void> {
  run.refuseIfEnded();
  const number = (value: number | undefined) => (value !== undefined && Number.isFinite(value) ? value : null);
  run.progress = JSON.stringify({
    done: number(done) ?? 0,
    total: number(total),
    note: note === undefined ? null : redact(maskKnownValues(run.contract.payload, run.payload, note)).slice(0, 200),
    at,
  });
  await run.heartbeat(progressEveryMs);
  run.refuseIfEnded();
}

async function checkpoint(engine: Engine, run: ActiveRun, cursor: unknown, writes: readonly unknown[] = []): Promise<void> {
  run.refuseIfEnded();
  const text = JSON.stringify(cursor ?? null);
  const issue = cursorIssue(text);
  if (issue !== undefined) throw new Error(issue);
  const held = await engine.ledger.checkpoint(run.job, text, writes, run.lease.token, engine.now());
  if (!held) throw await endedBy(engine, run);
  run.job.cursor = text;
  run.job.attempt = 0;
}
