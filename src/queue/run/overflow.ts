import type { Engine } from "../engine";
import type { Delivery } from "./delivery";
import { type HeavyMark, overflow } from "../ports/heavy-ledger";
import { orTrouble } from "../or-trouble";
import { payloadOf } from "../registry";
import { send } from "../send/send";

/** How often it is recorded that jobs of a mark came from `overflow`, a quarter of the time after which a mark ends. Milliseconds. */
const seenEveryMs = 15_000;
/** Marks whose last record is remembered. */
const maxRemembered = 1000;

/**
 * Sends jobs on to `overflow` as they came, under the same generation, then acknowledges their messages: a crash in between makes a second copy, of
 * which the claim takes one. Each travels singly, whatever its type's pack. Those that the queue did not take are delivered again. Never throws.
 */
export async function forward(engine: Engine, deliveries: readonly Delivery[]): Promise<void> {
  const copies = deliveries.map(({ envelope }) => ({ envelope, delaySeconds: 0, single: true, queue: overflow }));
  const refused = new Set((await send(engine, copies)).map(({ envelope }) => envelope));
  for (const delivery of deliveries) {
    if (refused.has(delivery.envelope)) delivery.redeliver(engine);
    else delivery.ack();
  }
}

/** Whether a job of a heavy tenant goes to `overflow`: an urgent one does not, nor one whose delivery decides what its key stands for. */
export function mayForward({ contract, envelope, acceptedWithoutLedgerAt }: Delivery): boolean {
  if (acceptedWithoutLedgerAt !== undefined) return false;
  try {
    const payload = payloadOf(contract, envelope);
    return payload === null || !contract.urgent(payload);
  } catch {
    // The run there fails for the same reason and reports it.
    return true;
  }
}

/** Records that jobs of these tenants came from `overflow`, so that their marks go on. Never throws. */
export async function noteArrivals(engine: Engine, deliveries: readonly Delivery[]): Promise<void> {
  const now = engine.now();
  const { arrivals } = engine.memory;
  const fresh = new Map<string, HeavyMark>();
  for (const { envelope } of deliveries) {
    const { tenant, queue } = envelope;
    const key = `${tenant}/${queue}`;
    if (now - (arrivals.get(key) ?? -Infinity) >= seenEveryMs) fresh.set(key, { tenant, queue });
  }
  if (fresh.size === 0) return;
  if (arrivals.size > maxRemembered) arrivals.clear();
  const noted = await orTrouble(engine, "heavy", async () => {
    await engine.ledger.heavySeen([...fresh.values()], now);
    return true;
  });
  if (noted) for (const key of fresh.keys()) arrivals.set(key, now);
}
