import { RunEnded, type RunState } from "./context";
import { discreet } from "../masking/known-values";
import type { Engine } from "./engine";
import type { Envelope } from "./envelope";
import type { LeaveReport } from "./gates";
import type { Job } from "./job";
import type { ClaimedJob, Pause } from "./ledger";
import type { Pulse } from "./pulse";
import { isOutcome, retry, type Outcome } from "./outcome";
import { redact } from "../masking/redact";

/** One claimed job on its way through a batch. */
export interface Task {
  job: ClaimedJob;
  envelope: Envelope;
  definition: Job;
  /** Already decided: recorded without a run. */
  decided?: Outcome;
}

/** What a batch shares. */
export interface Batch {
  token: string;
  /** No run starts after this, longer ones not that late; those never started are released. Milliseconds. */
  deadline: number;
  leaseMs: number;
  pauses: readonly Pause[];
  /** Runs under way. */
  running: Set<RunState>;
  pulse: Pulse;
  /** Told of each finished run, exactly once per task. */
  finished(task: Task, run: RunState, outcome: Outcome | RunEnded): void;
  /** Told of each task that was never started. */
  unstarted(task: Task): void;
  /** Told of each gate a job leaves. */
  left(tenant: string, gate: string, report: LeaveReport): void;
}

/** A task whose payload was read. */
export interface Ready {
  task: Task;
  run: RunState;
  payload: unknown;
  gates: readonly string[];
  /** Leases by gate. */
  entries: Map<string, string>;
}

export function start(engine: Engine, batch: Batch, run: RunState): void {
  run.started = true;
  run.startedAt = engine.now();
  batch.running.add(run);
}

/** `said`: how the run ended; its reason goes with failed calls. */
export function leaveGates(batch: Batch, each: Ready, said?: unknown): void {
  for (const [gate, lease] of each.entries) {
    const calls = each.run.calls.get(gate) ?? "none";
    const reason = calls === "transient" ? reasonFrom(each.run, said) : undefined;
    batch.left(each.task.job.tenant, gate, { id: each.task.job.id, lease, calls, ...(reason === undefined ? {} : { reason }) });
  }
  each.entries.clear();
}

function reasonFrom(run: RunState, said: unknown): string | undefined {
  const outcome = withoutPersonal(run, outcomeFrom(run, said));
  return "reason" in outcome ? redact(outcome.reason) : undefined;
}

export function finish(engine: Engine, batch: Batch, task: Task, run: RunState, said: unknown): void {
  batch.running.delete(run);
  const outcome = withoutPersonal(run, outcomeFrom(run, said));
  // From here on nothing of this run may touch the job, however long it goes on in the background.
  run.ended ??= new RunEnded("lost");
  run.revoked = true;
  batch.finished(task, run, outcome);
}

function outcomeFrom(run: RunState, said: unknown): Outcome | RunEnded {
  const ended = run.ended ?? (said instanceof RunEnded ? said : undefined);
  if (ended?.why === "timeout") return savedInTime(said) ?? retry(`timed out after ${run.contract.policy.timeout} s`);
  if (ended && !(isOutcome(said) && said.kind === "done")) return ended;
  if (isOutcome(said)) return said;
  return retry("the run ended without an outcome: it must return done, retry, wait, again or discard");
}

/** A reason may quote an outside system, and that one what it was told. */
function withoutPersonal(run: RunState, outcome: Outcome | RunEnded): Outcome | RunEnded {
  if (outcome instanceof RunEnded || !("reason" in outcome) || run.payload === undefined) return outcome;
  return { ...outcome, reason: discreet(run.contract.payload, run.payload, outcome.reason) };
}

/** What a run makes of its grace after the time-out: it is done after all, or yields with a cursor. */
function savedInTime(said: unknown): Outcome | undefined {
  return isOutcome(said) && (said.kind === "done" || said.kind === "again") ? said : undefined;
}
