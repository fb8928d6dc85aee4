import type { QueueBatch } from "./queue-batch";

/** Time that a batch gives to the jobs of one tenant while jobs of others may wait in its queue. Milliseconds. */
const maxShareMs = 4000;

/**
 * The jobs of one type and tenant in a batch, when they are more than run side by side. It decides whether the next one may start. A job that would
 * not end within the batch's four seconds may not, if all of them need longer than that and more messages wait. The tenant is then heavy on this
 * queue. On `overflow`, where all tenants are heavy, a batch stops after its time when the jobs left are fewer than run side by side.
 */
export class Share {
  private started = 0;
  private ended = 0;
  private ms = 0;
  private isOver = false;

  constructor(
    private readonly batch: QueueBatch,
    private readonly tenant: string,
    private readonly jobs: number,
    private readonly width: number,
  ) {}

  /** Whether the next job may start. Answers at once for quick ones. */
  mayStart(): boolean | Promise<boolean> {
    if (this.isOver) return false;
    if (this.started < this.width || !this.isTooMuch()) {
      this.started++;
      return true;
    }
    return this.mayGoOn();
  }

  /** Counts a job that has ended, and how long it ran. */
  ran(ms: number): void {
    this.ended++;
    this.ms += ms;
  }

  private isTooMuch(): boolean {
    const { batch, jobs, width, started, ended, ms } = this;
    const passedMs = batch.engine.now() - batch.began;
    if (batch.isOverflow) return passedMs >= maxShareMs && started >= jobs - (jobs % width);
    const meanMs = ended > 0 ? ms / ended : passedMs;
    return passedMs + meanMs > maxShareMs && (jobs * meanMs) / width > maxShareMs;
  }

  private async mayGoOn(): Promise<boolean> {
    const waits = await this.batch.hasBacklog();
    if (this.isOver) return false;
    this.isOver = waits;
    if (!waits) this.started++;
    else if (!this.batch.isOverflow) await this.batch.mark(this.tenant);
    return !waits;
  }
}
