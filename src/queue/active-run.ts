import type { EffectRecord, Reply } from "./effect";
import type { Contract } from "./job";
import type { GateReport } from "./ports/gates";
import type { ClaimedJob, Lease } from "./ports/run-ledger";
import type { EndReason } from "./decision";
import type { Delivery } from "./run/delivery";

/** Why a context refuses: thrown into a run, never shown to a tenant. */
export class RunEnded extends Error {
  override readonly name = "RunEnded";
  constructor(readonly why: EndReason) {
    super(`the run was ended: ${why}`);
  }
}

/** What a run needs beside its job: loaded after the claim. */
export interface RunInput {
  /** Parsed. */
  readonly payload: unknown;
  /** Goes before the others of its batch. */
  readonly urgent: boolean;
  /** Effects that earlier runs recorded, by key. */
  readonly effects: Map<string, EffectRecord> | undefined;
}

/** An execution that may run. */
interface Runnable {
  readonly delivery: Delivery;
  readonly job: ClaimedJob;
  readonly lease: Lease;
  readonly input: RunInput;
}

/** Writes new progress and reads the cancel flags of the batch, if the last time was so many milliseconds ago. */
export type Heartbeat = (minGapMs: number) => Promise<void>;

/** One call of a job's behaviour: what it did so far, and whether it was ended from outside. */
export class ActiveRun {
  readonly delivery: Delivery;
  readonly contract: Contract;
  readonly job: ClaimedJob;
  readonly lease: Lease;
  readonly payload: unknown;
  /** Effects recorded so far, by key. */
  effects: Map<string, EffectRecord> | undefined;

  /** Set when the run was ended from outside: its signal fired, its context refuses. */
  ended: EndReason | undefined = undefined;
  /** Called once when the run is ended from outside. */
  onEnd: (() => void) | undefined = undefined;
  /** Newest progress that is not written yet, as JSON. */
  progress: string | undefined = undefined;
  /** How the calls of the run went, by gate. */
  calls: Map<string, GateReport> | undefined = undefined;
  /** Effects under way, by key. */
  acting: Map<string, Promise<Reply<unknown>>> | undefined = undefined;
  /** Effects that were begun and whose answer is not recorded, with the time of their first try. */
  unanswered: Map<string, number> | undefined = undefined;
  private isRevoked = false;
  private controller: AbortController | undefined = undefined;

  constructor(
    { delivery, job, lease, input }: Runnable,
    readonly startedAt: number,
    readonly heartbeat: Heartbeat,
  ) {
    this.delivery = delivery;
    this.contract = delivery.contract;
    this.job = job;
    this.lease = lease;
    this.payload = input.payload;
    this.effects = input.effects;
  }

  /** Fires when the run is ended from outside. Made at its first use. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.ended && !this.controller.signal.aborted) this.controller.abort(new RunEnded(this.ended));
    return this.controller.signal;
  }

  /** Ends the run from outside or inside: the signal fires, and from now on its context refuses. The first reason stays. */
  end(why: EndReason): RunEnded {
    const first = this.ended === undefined;
    this.ended ??= why;
    const ended = new RunEnded(this.ended);
    if (first) {
      this.controller?.abort(ended);
      this.onEnd?.();
    }
    return ended;
  }

  /** From here on nothing of the run may touch the job, however long it goes on. */
  revoke(): void {
    this.isRevoked = true;
  }

  /** Throws when the run was ended. After a time-out it may save what it has until its grace is over. */
  refuseIfEnded(): void {
    if (this.isRevoked || (this.ended && this.ended !== "timeout")) throw new RunEnded(this.ended ?? "lost");
  }
}
