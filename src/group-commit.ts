/** A caller that waited this long starts its own write: the request that led the one under way may have been ended by the platform. */
const takeOverMs = 3000;

export interface GroupOptions {
  /** Callers stop waiting for a write that takes longer. Default 10,000. */
  timeoutMs?: number;
  /** Items of one write; more only if they come from one caller. Default 100. */
  maxItems?: number;
  /** Each write waits this long for more items: for writes on which few callers wait. Default 0. */
  lingerMs?: number;
}

interface Joined<Item, Result> {
  items: readonly Item[];
  resolve: (results: Result[]) => void;
  reject: (reason: unknown) => void;
}

/** One result per item, in their order; none for writes without results. */
type GroupWrite<Item, Result> = (items: readonly Item[]) => Promise<readonly Result[]>;

/**
 * Group commit: items of several callers of one isolate go in one write.
 * The first caller's items are written at once; those that are added during a write go with the next. Each caller gets the results of its own items.
 */
export class GroupCommit<Item, Result = never> {
  private waiting: Joined<Item, Result>[] = [];
  private leader: symbol | undefined;
  private readonly timeoutMs: number;
  private readonly maxItems: number;
  private readonly lingerMs: number;

  /** `defer` keeps the write alive when the request that leads it goes away. */
  constructor(
    private readonly write: GroupWrite<Item, Result>,
    private readonly defer: (promise: Promise<unknown>) => void,
    { timeoutMs = 10_000, maxItems = 100, lingerMs = 0 }: GroupOptions = {},
  ) {
    this.timeoutMs = timeoutMs;
    this.maxItems = maxItems;
    this.lingerMs = lingerMs;
  }

  /** Resolves when the items are written, rejects when their write failed or did not end in time. */
  add(items: readonly Item[]): Promise<Result[]> {
    if (items.length === 0) return Promise.resolve([]);
    const { promise, resolve, reject } = Promise.withResolvers<Result[]>();
    const joined = { items, resolve, reject };
    this.waiting.push(joined);
    const giveUp = () => reject(new Error("the group's write did not end in time"));
    const takeOver = () => {
      timer = setTimeout(giveUp, this.timeoutMs - takeOverMs);
      this.leadFor(joined);
    };
    // One at a time: each is paid for by every caller.
    let timer = this.leader && this.timeoutMs > takeOverMs ? setTimeout(takeOver, takeOverMs) : setTimeout(giveUp, this.timeoutMs);
    if (!this.leader) this.lead();
    return promise.finally(() => clearTimeout(timer));
  }

  /** Takes over from a leader whose request the platform ended: it never finishes its write. */
  private leadFor(joined: Joined<Item, Result>): void {
    if (this.waiting.includes(joined)) this.lead();
  }

  private lead(): void {
    const me = Symbol("leader");
    this.leader = me;
    this.defer(this.drain(me));
  }

  private async drain(me: symbol): Promise<void> {
    while (this.leader === me && this.waiting.length > 0) {
      if (this.lingerMs > 0) await new Promise((resolve) => setTimeout(resolve, this.lingerMs));
      await this.writeGroup(this.nextGroup());
    }
    if (this.leader === me) this.leader = undefined;
  }

  private nextGroup(): Joined<Item, Result>[] {
    let items = 0;
    const tooMany = this.waiting.findIndex((each, index) => (items += each.items.length) > this.maxItems && index > 0);
    return this.waiting.splice(0, tooMany === -1 ? this.waiting.length : tooMany);
  }

  private async writeGroup(group: readonly Joined<Item, Result>[]): Promise<void> {
    try {
      const results = await this.write(group.flatMap(({ items }) => items));
      let from = 0;
      for (const { items, resolve } of group) resolve(results.slice(from, (from += items.length)));
    } catch (thrown) {
      for (const { reject } of group) reject(thrown);
    }
  }
}
