/** A write that takes longer than this is no longer waited for by those who joined it. Milliseconds. */
const patience = 10_000;
/** Who has waited this long for somebody else's write to end writes on its own. Milliseconds. */
const takeOver = 3000;

interface Joined<Item> {
  items: readonly Item[];
  resolve: () => void;
  reject: (reason: unknown) => void;
}

/**
 * Group commit: what several requests of one isolate want written goes in one write, as long as another is under way.
 * The first writes at once; who comes while it writes goes with the next. Each caller learns of its own write only.
 */
export class GroupCommit<Item> {
  private waiting: Joined<Item>[] = [];
  private leader: symbol | undefined;

  /** `defer` keeps the write alive when the request that leads it goes away. */
  constructor(
    private readonly write: (items: readonly Item[]) => Promise<void>,
    private readonly defer: (promise: Promise<unknown>) => void,
  ) {}

  /** Resolves when the items are written, rejects when their write failed or did not end in time. */
  add(items: readonly Item[]): Promise<void> {
    if (items.length === 0) return Promise.resolve();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const joined = { items, resolve, reject };
    this.waiting.push(joined);
    const timers = [setTimeout(() => reject(new Error("the group's write did not end in time")), patience)];
    if (this.leader) timers.push(setTimeout(() => this.leadFor(joined), takeOver));
    else this.lead();
    return promise.finally(() => timers.forEach(clearTimeout));
  }

  /** A leader whose request the platform ended never comes back: its followers must not wait for it for ever. */
  private leadFor(joined: Joined<Item>): void {
    if (this.waiting.includes(joined)) this.lead();
  }

  private lead(): void {
    const me = Symbol("leader");
    this.leader = me;
    this.defer(this.drain(me));
  }

  private async drain(me: symbol): Promise<void> {
    while (this.leader === me && this.waiting.length > 0) {
      const group = this.waiting;
      this.waiting = [];
      await this.writeGroup(group);
    }
    if (this.leader === me) this.leader = undefined;
  }

  private async writeGroup(group: readonly Joined<Item>[]): Promise<void> {
    try {
      await this.write(group.flatMap(({ items }) => items));
      for (const { resolve } of group) resolve();
    } catch (thrown) {
      for (const { reject } of group) reject(thrown);
    }
  }
}
