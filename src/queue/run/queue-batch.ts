import type { Engine } from "../engine";
import { orTrouble } from "../or-trouble";
import { overflow } from "../ports/heavy-ledger";

/** A backlog that a queue reported counts for this long. Milliseconds. */
const backlogForMs = 1000;

/** One batch as its queue delivered it: the queue, the time it began, and whether more messages wait there. */
export class QueueBatch {
  readonly began: number;
  private lastAnswer: { at: number; waits: Promise<boolean> } | undefined;

  constructor(
    readonly engine: Engine,
    readonly queue: string,
    /** Number of messages in the batch. */
    private readonly messages: number,
  ) {
    this.began = engine.now();
  }

  get isOverflow(): boolean {
    return this.queue === overflow;
  }

  /** Whether its queue holds more than this batch; read at most once a second, and only for tenants that are slow. */
  hasBacklog(): Promise<boolean> {
    const now = this.engine.now();
    if (!this.lastAnswer || now - this.lastAnswer.at >= backlogForMs) this.lastAnswer = { at: now, waits: this.ask() };
    return this.lastAnswer.waits;
  }

  /** From now on the tenant's jobs of this queue are forwarded. */
  async mark(tenant: string): Promise<void> {
    const { engine, queue } = this;
    engine.emit({ event: "heavy", tenant, queue });
    await orTrouble(engine, "heavy", () => engine.ledger.markHeavy({ tenant, queue }, engine.now()), { tenant, queue });
  }

  private async ask(): Promise<boolean> {
    const { engine, queue } = this;
    const metrics = await orTrouble(engine, "metrics", async () => engine.queue(queue)?.metrics(), { queue });
    // The platform counts unacknowledged messages, those of this batch too; a local queue counts only waiting ones.
    const own = engine.boot === "" ? this.messages : 0;
    return (metrics?.backlogCount ?? 0) > own;
  }
}
