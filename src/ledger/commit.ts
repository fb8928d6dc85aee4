/** A write that takes longer than this is no longer waited for by those who joined it. Milliseconds. */
const patience = 10_000;

/**
 * Group commit: what several requests of one isolate want written goes in one write, as long as another is under way.
 * The first writes at once; who comes while it writes goes with the next. Each caller learns of its own write only.
 */
export class GroupCommit<Item> {
  private waiting: { items: readonly Item[]; resolve: () => void; reject: (reason: unknown) => void }[] = [];
  private busy = false;

  /** `defer` keeps the write alive when the request that leads it goes away. */
  constructor(
    private readonly write: (items: readonly Item[]) => Promise<void>,
    private readonly defer: (promise: Promise<unknown>) => void,
  ) {}

  /** Resolves when the items are written, rejects when their write failed. */
  add(items: readonly Item[]): Promise<void> {
    if (items.length === 0) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error("the group's write did not end in time")), patience);
    this.waiting.push({ items, resolve, reject });
    if (!this.busy) this.defer(this.drain());
    return promise.finally(() => clearTimeout(timer));
  }

  private async drain(): Promise<void> {
    this.busy = true;
    try {
      while (this.waiting.length > 0) {
        const group = this.waiting;
        this.waiting = [];
        await this.writeGroup(group);
      }
    } finally {
      this.busy = false;
    }
  }

  private async writeGroup(group: typeof this.waiting): Promise<void> {
    try {
      await this.write(group.flatMap(({ items }) => items));
      for (const { resolve } of group) resolve();
    } catch (thrown) {
      for (const { reject } of group) reject(thrown);
    }
  }
}
