import { seeded } from "../../sandbox/faults.ts";
import { ordersDiffer, productsDiffer } from "./compare.ts";
import type { MeasuredSite } from "./site.ts";

/** One line of the report. */
export interface Figure {
  what: string;
  rows: number;
  seconds: number;
  requests: number;
  /** Fields that differ from the shop's; absent where nothing was compared. */
  differences?: readonly string[];
}

/** Reads a whole shop, again without a change, and with one in a hundred rows changed. */
export async function* readings(site: MeasuredSite): AsyncGenerator<Figure> {
  const kinds = [
    { name: "orders", payload: {}, differ: () => ordersDiffer(site, { detailOfEvery: 25 }) },
    { name: "products", payload: { incremental: true, linkVendors: true }, differ: () => productsDiffer(site) },
  ] as const;
  for (const { name, payload, differ } of kinds) {
    const type = `sync-${name}`;
    const rows = (await site.theirs(name)).length;
    const first = await timed(site, () => sync(site, type, payload));
    yield { what: `${name}: first run`, rows, ...first, differences: await differ() };
    yield { what: `${name}: nothing changed`, rows: 0, ...(await timed(site, () => sync(site, type, payload))) };
    await site.change(name, { share: 0.01 });
    const changed = await timed(site, () => sync(site, type, payload));
    yield { what: `${name}: 1 % changed`, rows: Math.floor(rows / 100), ...changed, differences: await differ() };
  }
}

export interface Killing {
  kills: number;
  seed: number;
  /** About how many requests the sync needs. */
  requests: number;
  /** `kill -9` for the runtime, and up again. */
  killAndStart(): Promise<void>;
}

/** Reads all orders, killed in the middle of so many calls. */
export async function killed(site: MeasuredSite, { kills, seed, requests, killAndStart }: Killing): Promise<Figure> {
  const random = seeded(seed);
  const each = Math.max(2, Math.floor(requests / (kills + 1)));
  const run = await timed(site, async () => {
    const id = await site.enqueue("sync-orders");
    for (let kill = 0; kill < kills; kill++) {
      await site.holdAfter(1 + Math.floor(random() * (2 * each - 2)));
      await killAndStart();
      await site.release();
    }
    await site.ended(id);
  });
  const rows = (await site.theirs("orders")).length;
  return { what: `orders: kill -9 × ${kills}`, rows, ...run, differences: await ordersDiffer(site, { detailOfEvery: 25 }) };
}

async function sync(site: MeasuredSite, type: string, payload: object): Promise<void> {
  await site.ended(await site.enqueue(type, payload));
}

async function timed(site: MeasuredSite, act: () => Promise<void>): Promise<Pick<Figure, "seconds" | "requests">> {
  const before = (await site.summary()).requests.total;
  const started = performance.now();
  await act();
  const seconds = (performance.now() - started) / 1000;
  return { seconds, requests: (await site.summary()).requests.total - before };
}
