import { maskKnownValues } from "../masking/known-values";
import type { ClaimedJob, Lease } from "./ports/run-ledger";
import { ActiveRun, type Heartbeat, type RunInput } from "./active-run";
import { type Decision, decisionFrom } from "./decision";
import type { Delivery } from "./run/delivery";
import type { Share } from "./run/share";

/**
 * One claimed job until it is settled: the delivery that brought it, its row under a lease, what was loaded for it, its run, and how it was decided.
 * Each part is there as a whole or not at all.
 */
export class Execution {
  /** Undefined until it was loaded. */
  input: RunInput | undefined = undefined;
  /** Leases of the gates it is in, by gate. */
  entries: Map<string, string> | undefined = undefined;
  /** The tenant's share of the batch; undefined for tenants whose jobs all run side by side. */
  share: Share | undefined = undefined;
  /** Undefined until its behaviour is called. */
  run: ActiveRun | undefined = undefined;
  decision: Decision | undefined = undefined;

  constructor(
    readonly delivery: Delivery,
    readonly job: ClaimedJob,
    readonly lease: Lease,
  ) {}

  /** The behaviour is about to be called. */
  begin(this: LoadedExecution, now: number, heartbeat: Heartbeat): ActiveRun {
    return (this.run = new ActiveRun(this, now, heartbeat));
  }

  /** Decides the job without (more of) its run. */
  decide(decision: Decision): void {
    this.run?.revoke();
    this.decision = this.withoutPersonal(decision);
  }

  /** Decides the job by what its run returned. */
  decideBy(returned: unknown): void {
    this.decide(decisionFrom(returned, this.run?.ended, this.delivery.contract.policy.timeout));
  }

  /** A reason may quote an outside system, which may quote what it was sent. */
  private withoutPersonal(decision: Decision): Decision {
    const { contract, payload } = this.delivery;
    if (!("reason" in decision) || payload === undefined) return decision;
    return { ...decision, reason: maskKnownValues(contract.payload, payload, decision.reason) };
  }
}

/** Ready to run. */
export type LoadedExecution = Execution & { input: RunInput };

/** Ready to be recorded. */
export type DecidedExecution = Execution & { decision: Decision };

export function isLoaded(execution: Execution): execution is LoadedExecution {
  return execution.input !== undefined && execution.decision === undefined;
}

export function isDecided(execution: Execution): execution is DecidedExecution {
  return execution.decision !== undefined;
}
