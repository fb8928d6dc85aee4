/** Who has waited this long for somebody else's write to end writes on its own. Milliseconds. */
const takeOver = 3000;

export interface GroupOptions {
  /** A write that takes longer is no longer waited for by those who joined it. Milliseconds; default 10,000. */
  patience?: number;
  /** One write takes so many items, and more only of one caller. Default 100. */
  most?: number;
  /** Each write waits this long for company: for writes that hardly anybody waits for. Milliseconds; default 0. */
  gather?: number;
}

interface Joined<Item, Result> {
  items: readonly Item[];
  resolve: (results: Result[]) => void;
  reject: (reason: unknown) => void;
}

/** One result per item, in their order; nothing where nobody asks for results. */
export type GroupWrite<Item, Result> = (items: readonly Item[]) => Promise<readonly Result[]>;

/**
 * Group commit: what several callers of one isolate want written goes in one write, as long as another is under way.
 * The first writes at once; who comes while it writes goes with the next. Each caller learns of its own items only.
 */
export class GroupCommit<Item, Result = never> {
  private waiting: Joined<Item, Result>[] = [];
  private leader: symbol | undefined;
  private readonly patience: number;
  private readonly most: number;
  private readonly gather: number;

  /** `defer` keeps the write alive when the request that leads it goes away. */
  constructor(
    private readonly write: GroupWrite<Item, Result>,
    private readonly defer: (promise: Promise<unknown>) => void,
    { patience = 10_000, most = 100, gather = 0 }: GroupOptions = {},
  ) {
    this.patience = patience;
    this.most = most;
    this.gather = gather;
  }

  /** Resolves when the items are written, rejects when their write failed or did not end in time. */
  add(items: readonly Item[]): Promise<Result[]> {
    if (items.length === 0) return Promise.resolve([]);
    const { promise, resolve, reject } = Promise.withResolvers<Result[]>();
    const joined = { items, resolve, reject };
    this.waiting.push(joined);
    const timers = [setTimeout(() => reject(new Error("the group's write did not end in time")), this.patience)];
    if (this.leader) timers.push(setTimeout(() => this.leadFor(joined), takeOver));
    else this.lead();
    return promise.finally(() => timers.forEach(clearTimeout));
  }

  /** A leader whose request the platform ended never comes back: its followers must not wait for it for ever. */
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
      if (this.gather > 0) await new Promise((resolve) => setTimeout(resolve, this.gather));
      await this.writeGroup(this.nextGroup());
    }
    if (this.leader === me) this.leader = undefined;
  }

  private nextGroup(): Joined<Item, Result>[] {
    let items = 0;
    const tooMany = this.waiting.findIndex((each, index) => (items += each.items.length) > this.most && index > 0);
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
