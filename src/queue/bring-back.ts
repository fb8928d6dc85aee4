import type { Engine } from "./engine";
import { envelopeOf } from "./envelope";
import type { BringBack, DueJob, StoredJob } from "./recovery";
import { keyOf } from "./ref";
import { send } from "./send";
import { sweepAfter } from "./transition";
import type { Budget } from "./turns";

/** Payload bytes brought back in one statement: the ledger's answers are bounded. */
const maxGroupBytes = 1_500_000;
export const longestSweep = 6 * 3600_000;

export function backNow(row: DueJob, now: number, swept: boolean): BringBack {
  const wake = now + Math.min(longestSweep, sweepAfter * 2 ** (swept ? row.sweeps + 1 : 0));
  const { tenant, id, seq, wakeAt, gate } = row;
  return { tenant, id, seq, wakeAt, gate, wake, delaySeconds: 0, swept };
}

/** Brings rows back in groups small enough for one answer of the ledger, as long as the budget lasts. Returns how many. */
export async function bringBackAll(engine: Engine, rows: readonly DueJob[], how: (row: DueJob) => BringBack, now: number, budget: Budget): Promise<number> {
  let count = 0;
  for (const group of bySize(rows, (row) => row.bytes)) {
    if (budget.isSpent()) break;
    count += await bringBack(engine, group.map(how), group, now);
    budget.spend(4);
  }
  return count;
}

/** Records the raised generation first, then sends it. */
export async function bringBack(engine: Engine, back: readonly BringBack[], rows: readonly DueJob[], now: number): Promise<number> {
  if (rows.length === 0) return 0;
  const place = new Map(back.map((each, index) => [keyOf(each), index]));
  const stored = (await engine.ledger.bringBack(back, now, engine.boot)).toSorted(
    (left, right) => (place.get(keyOf(left)) ?? 0) - (place.get(keyOf(right)) ?? 0),
  );
  await sendStored(engine, stored, now, new Map(back.map((each) => [keyOf(each), each.delaySeconds])));
  return stored.length;
}

/** Sends rows as the ledger returned them; those no queue takes are marked for the next tick. */
export async function sendStored(engine: Engine, rows: readonly StoredJob[], now: number, delays: ReadonlyMap<string, number> = new Map()): Promise<void> {
  const items = rows.map((row) => ({ envelope: envelopeOf(row), delaySeconds: delays.get(keyOf(row)) ?? 0 }));
  const refused = await send(engine, items);
  if (refused.length > 0)
    await engine.ledger.unsent(
      refused.map(({ envelope }) => envelope),
      now + 60_000,
    );
}

export function bySize<T>(items: readonly T[], bytes: (item: T) => number): T[][] {
  const groups: T[][] = [];
  let room = 0;
  for (const item of items) {
    const size = bytes(item) + 500;
    if (size > room || groups.length === 0) {
      groups.push([]);
      room = maxGroupBytes;
    }
    groups.at(-1)?.push(item);
    room -= size;
  }
  return groups;
}
