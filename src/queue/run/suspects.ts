import { backNow, bringBack } from "../tick/bring-back";
import type { Engine } from "../engine";
import { orTrouble } from "../or-trouble";
import { keyOf } from "../ref";
import type { FoundJob } from "../ports/run-ledger";
import type { Wait } from "../outcome";
import type { Delivery } from "./delivery";

/** A job that may have killed its Worker, with its row as it was found. */
export interface Suspect {
  delivery: Delivery;
  row: FoundJob;
  /** Set when a pause holds it: what it is decided by once it is claimed. */
  held: Wait | undefined;
}

/** Suspects from packs that run alone in one batch: they run one after the other, within the batch's time. */
const maxAlone = 20;

/**
 * 20 suspects that came in packs stay. The others are sent on, each in a message of its own under a raised seq: they count no attempt when one of
 * the 20 kills this Worker. Returns what is to be run alone here. Never throws.
 */
export async function sendSurplusOn(engine: Engine, suspects: readonly Suspect[]): Promise<Suspect[]> {
  const surplus = suspects.filter(({ delivery }) => delivery.isPacked).slice(maxAlone);
  if (surplus.length > 0) await sendOn(engine, surplus);
  const gone = new Set(surplus);
  return suspects.filter((each) => !gone.has(each));
}

async function sendOn(engine: Engine, surplus: readonly Suspect[]): Promise<void> {
  const now = engine.now();
  const back = surplus.map(({ row }) => ({ ...backNow({ ...row, wakeAt: row.wake ?? 0 }, now, false), single: true }));
  const sent = await orTrouble(engine, "suspects", () => bringBack(engine, back, now));
  const keys = new Set(sent?.map(keyOf));
  for (const { delivery } of surplus) {
    if (keys.has(keyOf(delivery.envelope))) delivery.ack();
    // The ledger is away, or the row has changed: its next delivery decides anew.
    else delivery.redeliver(engine, sent ? 1 : undefined);
  }
}
