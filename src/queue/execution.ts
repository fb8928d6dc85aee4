import type { EffectRecord, Reply } from "./effect";
import type { Engine } from "./engine";
import type { Envelope } from "./envelope";
import type { GateReport } from "./ports/gates";
import type { Contract, Job } from "./job";
import type { ClaimedJob, Lease } from "./ports/run-ledger";
import { maskKnownValues } from "../masking/known-values";
import type { MessageAnswer } from "./run/message-answer";
import type { Share } from "./run/share";
import { isOutcome, retry, type Outcome } from "./outcome";
import { keyOf } from "./ref";

export type EndReason = "cancelled" | "timeout" | "lost";

/** Why a context refuses: thrown into a run, never shown to a tenant. */
export class RunEnded extends Error {
  override readonly name = "RunEnded";
  constructor(readonly why: EndReason) {
    super(`the run was ended: ${why}`);
  }
}

/** How an execution ended: the outcome of its run, or what the engine decided. `lost`: another run holds the job, so nothing is recorded. */
export type Decision = Outcome | { kind: "cancelled" } | { kind: "lost" } | { kind: "dead"; reason: string };

/**
 * One job from delivery to acknowledgement: its message, the ledger's answer at the claim, the state of its run, how it was
 * decided, and the answer to its messages. A message may carry several executions, and several copies of a message one execution.
 */
export class Execution {
  /** Names the job among those of all tenants. */
  readonly key: string;
  readonly contract: Contract;
  readonly dry: boolean;
  /** When the newest copy that could not ask the ledger was accepted. Milliseconds. */
  unaskedAt: number | undefined;

  /** The ledger's answer at the claim; not read before. */
  job!: ClaimedJob;
  lease!: Lease;

  /** Parsed; undefined until it was loaded. */
  payload: unknown = undefined;
  /** Goes before the others of its batch. */
  urgent = false;
  /** Effects that earlier runs recorded, by key. */
  effects: Map<string, EffectRecord> | undefined = undefined;
  /** Leases of the gates it is in, by gate. */
  entries: Map<string, string> | undefined = undefined;

  /** Its tenant's share of the batch; undefined for tenants whose jobs all run side by side. */
  share: Share | undefined = undefined;

  /** Whether its behaviour was called. */
  started = false;
  startedAt = 0;
  /** Set when the run was ended from outside: its signal fired, its context refuses. */
  ended: EndReason | undefined = undefined;
  /** Nothing the run still does may touch the job. */
  revoked = false;
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
  /** Writes new progress and reads the cancel flags of the batch, if the last time was so many milliseconds ago. */
  heartbeat: (minGapMs: number) => Promise<void> = () => Promise.resolve();

  decision: Decision | undefined = undefined;
  private controller: AbortController | undefined = undefined;

  constructor(
    public envelope: Envelope,
    readonly definition: Job,
    private readonly answers: MessageAnswer[],
  ) {
    this.key = keyOf(envelope);
    this.contract = definition.contract;
    this.dry = envelope.dry ?? false;
    this.unaskedAt = envelope.unasked ? envelope.at : undefined;
  }

  /** Joins a copy of the message: the newest delivery generation counts, and both get the same answer. */
  join(envelope: Envelope, answer: MessageAnswer): void {
    if (envelope.seq > this.envelope.seq) this.envelope = envelope;
    if (envelope.unasked) this.unaskedAt = Math.max(this.unaskedAt ?? 0, envelope.at);
    this.answers.push(answer);
  }

  claimed(job: ClaimedJob, lease: Lease): void {
    this.job = job;
    this.lease = lease;
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

  /** Throws when the run was ended. After a time-out it may save what it has until its grace is over. */
  refuseIfEnded(): void {
    if (this.revoked || (this.ended && this.ended !== "timeout")) throw new RunEnded(this.ended ?? "lost");
  }

  /** Decides the job without (more of) its run. */
  decide(decision: Decision): void {
    this.revoked = true;
    this.decision = this.withoutPersonal(decision);
  }

  /** Decides the job by what its run returned. From here on nothing of the run may touch the job, however long it goes on. */
  decideBy(returned: unknown): void {
    this.decide(this.decisionFrom(returned));
  }

  /** Whether it came in a message with others. */
  get isPacked(): boolean {
    return this.answers.some(({ jobs }) => jobs > 1);
  }

  ack(): void {
    for (const answer of this.answers.splice(0)) answer.ack();
  }

  /** Delivers its messages again: after `seconds`, or by the number of deliveries so far. */
  redeliver(engine: Engine, seconds?: number): void {
    for (const answer of this.answers.splice(0)) answer.redeliver(engine, seconds);
  }

  private decisionFrom(returned: unknown): Decision {
    const outcome = isOutcome(returned) ? returned : undefined;
    if (this.ended === "timeout") return savedInGrace(outcome) ?? retry(`timed out after ${this.contract.policy.timeout} s`);
    if (this.ended && outcome?.kind !== "done") return { kind: this.ended };
    return outcome ?? retry("the run ended without an outcome: it must return done, retry, wait, again or discard");
  }

  /** A reason may quote an outside system, which may quote what it was sent. */
  private withoutPersonal(decision: Decision): Decision {
    if (!("reason" in decision) || this.payload === undefined) return decision;
    return { ...decision, reason: maskKnownValues(this.contract.payload, this.payload, decision.reason) };
  }
}

/** What a run returned in its grace after the time-out counts if it is done after all, or yields with a cursor. */
function savedInGrace(outcome: Outcome | undefined): Outcome | undefined {
  return outcome?.kind === "done" || outcome?.kind === "again" ? outcome : undefined;
}
