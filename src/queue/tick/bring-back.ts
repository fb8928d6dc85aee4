import { deliver } from "../send/deliver";
import type { Engine } from "../engine";
import { envelopeOf } from "../envelope";
import { broughtBack, copyDelay, type Placement, queuedNow } from "../placement";
import type { BringBack, DueJob, StoredJob } from "../ports/tick-ledger";
import { keyOf } from "../ref";
import type { Budget } from "./turns";

/** Payload bytes brought back in one statement: the ledger's answers are bounded. */
const maxGroupBytes = 1_500_000;

/** How a row is brought back. */
interface Back extends BringBack {
  /** The Worker of the job died: the message carries no other job. */
  single: boolean;
}

/** A row with its side row, as it was seen. */
type Seen = Pick<DueJob, "tenant" | "id" | "state" | "seq" | "wakeAt" | "gate" | "sweeps">;

export function backNow(row: Seen, now: number, swept: boolean, delaySeconds = 0): Back {
  const { tenant, id, seq, wakeAt, gate } = row;
  const place = broughtBack(now, delaySeconds, swept ? row.sweeps + 1 : 0);
  return { tenant, id, seq, wakeAt, gate, place, swept, single: row.state === "running" };
}

/** Brings rows back in groups small enough for one answer of the ledger, as long as the budget lasts. Returns how many. */
export async function bringBackAll(engine: Engine, rows: readonly DueJob[], how: (row: DueJob) => Back, now: number, budget: Budget): Promise<number> {
  let count = 0;
  for (const group of bySize(rows, (row) => row.bytes)) {
    if (budget.isSpent()) break;
    count += (await bringBack(engine, group.map(how), now)).length;
    budget.spend(4);
  }
  return count;
}

/** Records the raised generation first, then sends it. Returns those whose rows were still as they were seen. */
export async function bringBack(engine: Engine, back: readonly Back[], now: number): Promise<StoredJob[]> {
  if (back.length === 0) return [];
  const place = new Map(back.map((each, index) => [keyOf(each), index]));
  const stored = (await engine.ledger.bringBack(back, now, engine.boot)).toSorted(
    (left, right) => (place.get(keyOf(left)) ?? 0) - (place.get(keyOf(right)) ?? 0),
  );
  const byKey = new Map(back.map((each) => [keyOf(each), each]));
  const placeOf = (row: StoredJob) => byKey.get(keyOf(row))?.place ?? queuedNow(now);
  await sendStored(engine, stored, now, placeOf, (row) => byKey.get(keyOf(row))?.single ?? false);
  return stored;
}

/** How long jobs that no queue took wait before they are sent again. */
const resendAfterMs = 60_000;

/**
 * Sends rows as the ledger returned them, deliverable as they were placed; those placed without a message are left to the tick. `isSingle`: which
 * travel in a message of their own. Never throws.
 */
export async function sendStored(
  engine: Engine,
  rows: readonly StoredJob[],
  now: number,
  placeOf: (row: StoredJob) => Placement,
  isSingle: (row: StoredJob) => boolean = () => false,
): Promise<void> {
  const copies = rows.flatMap((row) => {
    const delaySeconds = copyDelay(placeOf(row), now);
    return delaySeconds === null ? [] : [{ envelope: envelopeOf(row), delaySeconds, single: isSingle(row) }];
  });
  await deliver(engine, copies, now + resendAfterMs);
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
