import type { Engine } from "./engine";
import { type DecidedExecution, type Execution, isDecided, type LoadedExecution } from "./execution";
import type { LeaveReport } from "./ports/gates";
import type { ActiveRun, Heartbeat } from "./active-run";
import { createHeartbeat } from "./run/heartbeat";
import { deadlineOf } from "./lease";
import type { Lease } from "./ports/run-ledger";
import { redactedReason, redact } from "../masking/redact";
import { settleAll } from "./run/settle";

/** Decided executions wait at most this long to be recorded together. */
export const flushEveryMs = 250;
/** Cancel flags of running jobs are read this often, less often once a batch is older than 30 s (`run/heartbeat.ts`). Milliseconds. */
const cancelPollMs = 2000;

/**
 * What follows the runs of one lease. It records decisions and acknowledges four times a second, so that quick jobs do not wait for slow ones of
 * their batch. It leaves gates, reads cancel flags, and releases jobs that never started.
 */
export class Settler {
  /** No run starts after this, longer ones not that late. Milliseconds. */
  readonly deadline: number;
  private readonly running = new Set<ActiveRun>();
  private readonly heartbeat: Heartbeat;
  private decided: DecidedExecution[] = [];
  private unstarted: Execution[] = [];
  private left: { tenant: string; gate: string; report: LeaveReport }[] = [];

  constructor(
    private readonly engine: Engine,
    readonly lease: Lease,
  ) {
    this.deadline = deadlineOf(lease);
    this.heartbeat = createHeartbeat(engine, lease.token, this.running);
  }

  /** The execution's behaviour is about to be called. */
  start(execution: LoadedExecution): ActiveRun {
    const run = execution.begin(this.engine.now(), this.heartbeat);
    this.running.add(run);
    return run;
  }

  /** The execution is over: a decided one will be recorded, another one was never started and will be released. Once per execution. */
  take(execution: Execution): void {
    if (execution.run) this.running.delete(execution.run);
    if (execution.entries) this.leaveGates(execution, execution.entries);
    if (isDecided(execution)) this.decided.push(execution);
    else this.unstarted.push(execution);
  }

  /** Settles while the work goes on, and what is left when it has ended. Never throws unless the work does. */
  async settleDuring(work: Promise<unknown>): Promise<void> {
    let over = false;
    const ended = work.finally(() => (over = true));
    while (!over) {
      const timer = new AbortController();
      await Promise.race([ended, scheduler.wait(flushEveryMs, { signal: timer.signal }).catch(() => undefined)]);
      timer.abort();
      if (over) break;
      await this.flush();
      await this.heartbeat(cancelPollMs);
    }
    await ended;
    await this.flush();
    await this.release();
  }

  private async flush(): Promise<void> {
    const decided = this.decided.splice(0);
    const left = Map.groupBy(this.left.splice(0), ({ tenant, gate }) => `${tenant}/${gate}`);
    const reports = [...left.values()].map(async (group) => {
      const [{ tenant, gate }] = group as [(typeof group)[number]];
      await this.engine.gates.leave(
        tenant,
        gate,
        group.map(({ report }) => report),
        this.engine.now(),
      );
    });
    await Promise.all([settleAll(this.engine, decided, this.lease.token), ...reports]);
  }

  /** The reason of a failed run goes with failed calls. */
  private leaveGates(execution: Execution, entries: Map<string, string>): void {
    const { decision, job } = execution;
    const reason = decision && "reason" in decision ? redact(decision.reason) : undefined;
    for (const [gate, lease] of entries) {
      const calls = execution.run?.calls?.get(gate) ?? "none";
      this.left.push({ tenant: job.tenant, gate, report: { id: job.id, lease, calls, ...(calls === "transient" && reason !== undefined ? { reason } : {}) } });
    }
  }

  /** Executions that were never started: nothing is counted, delivered again at once. */
  private async release(): Promise<void> {
    if (this.unstarted.length === 0) return;
    try {
      await this.engine.ledger.release(
        this.unstarted.map(({ job }) => job),
        this.lease.token,
      );
      for (const execution of this.unstarted) execution.delivery.redeliver(this.engine, 1);
    } catch (thrown) {
      this.engine.emit({ event: "trouble", where: "release", reason: redactedReason(thrown) });
      for (const execution of this.unstarted) execution.delivery.redeliver(this.engine);
    }
  }
}
