import type { Engine } from "../engine";
import type { Envelope } from "../envelope";
import type { Contract, Job } from "../job";
import { keyOf } from "../ref";
import type { MessageAnswer } from "../message-answer";

/** One job of a batch as its messages describe it, before its claim. A message may carry several jobs, and several copies of a message carry one job. */
export class Delivery {
  /** Names the job among those of all tenants. */
  readonly key: string;
  readonly contract: Contract;
  readonly dry: boolean;
  /** When the newest copy that could not ask the ledger was accepted. Milliseconds. */
  acceptedWithoutLedgerAt: number | undefined;
  /** Parsed; undefined until something needed it. */
  payload: unknown = undefined;

  constructor(
    public envelope: Envelope,
    readonly definition: Job,
    private readonly answers: MessageAnswer[],
  ) {
    this.key = keyOf(envelope);
    this.contract = definition.contract;
    this.dry = envelope.dry ?? false;
    this.acceptedWithoutLedgerAt = envelope.unasked ? envelope.at : undefined;
  }

  /** Joins a copy of the message: the newest delivery generation counts, and both get the same answer. */
  join(envelope: Envelope, answer: MessageAnswer): void {
    if (envelope.seq > this.envelope.seq) this.envelope = envelope;
    if (envelope.unasked) this.acceptedWithoutLedgerAt = Math.max(this.acceptedWithoutLedgerAt ?? 0, envelope.at);
    this.answers.push(answer);
  }

  /** Whether it came in a message with others. */
  get isPacked(): boolean {
    return this.answers.some(({ jobs }) => jobs > 1);
  }

  /** Whether its messages carry the payload, not a reference to it. */
  get isInline(): boolean {
    return this.envelope.payload !== undefined;
  }

  /** The first answer counts: after it, `ack` and `redeliver` do nothing. */
  ack(): void {
    for (const answer of this.answers.splice(0)) answer.ack();
  }

  /** Delivers its messages again: after `seconds`, or by the number of deliveries so far. */
  redeliver(engine: Engine, seconds?: number): void {
    for (const answer of this.answers.splice(0)) answer.redeliver(engine, seconds);
  }
}
