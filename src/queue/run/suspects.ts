import { backNow, bringBack } from "../tick/bring-back";
import type { Engine } from "../engine";
import type { Execution } from "../execution";
import { orTrouble } from "../or-trouble";
import { keyOf } from "../ref";
import type { FoundJob } from "../ports/run-ledger";

/** A job that may have killed its Worker, with its row as it was found. */
export interface Suspect {
  execution: Execution;
  row: FoundJob;
}

/** Suspects from packs that run alone in one batch: they run one after the other, within the batch's time. */
const maxAlone = 20;

/**
 * Of suspects that came in packs, 20 stay; the others are sent on, each in a message of its own under a raised seq, and lose nothing should one of
 * those that stay kill this Worker too. Returns what is to be run alone here. Never throws.
 */
export async function sendSurplusOn(engine: Engine, suspects: readonly Suspect[]): Promise<Execution[]> {
  const surplus = suspects.filter(({ execution }) => execution.isPacked).slice(maxAlone);
  if (surplus.length > 0) await sendOn(engine, surplus);
  const gone = new Set(surplus);
  return suspects.filter((each) => !gone.has(each)).map(({ execution }) => execution);
}

async function sendOn(engine: Engine, surplus: readonly Suspect[]): Promise<void> {
  const now = engine.now();
  const back = surplus.map(({ row }) => ({ ...backNow({ ...row, wakeAt: row.wake ?? 0 }, now, false), single: true }));
  const sent = await orTrouble(engine, "suspects", () => bringBack(engine, back, now));
  const keys = new Set(sent?.map(keyOf));
  for (const { execution } of surplus) {
    if (keys.has(keyOf(execution.envelope))) execution.ack();
    // The ledger is away, or the row has changed: its next delivery decides anew.
    else execution.redeliver(engine, sent ? 1 : undefined);
  }
}
