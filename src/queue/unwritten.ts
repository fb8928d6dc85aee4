import type { Engine } from "./engine";
import { orTrouble } from "./or-trouble";
import type { Prepared } from "./prepared";
import { send } from "./send";

/**
 * Local starts only, where a message is lost with the process: keeps jobs that a queue took and the ledger did not. Returns those that nothing
 * keeps, which are not accepted. Never throws.
 */
export async function keepUnwritten(engine: Engine, sent: readonly Prepared[]): Promise<readonly Prepared[]> {
  if (!engine.ledgerFirst || sent.length === 0) return [];
  const keep = async () => {
    await engine.unwritten.keep(sent.map(({ row, envelope }) => ({ row, envelope })));
    return [];
  };
  return (await orTrouble(engine, "unwritten", keep)) ?? sent;
}

/** Writes the rows of what was kept; the walk over other boots' rows then brings back those whose messages are gone. Throws while a store is down. */
export async function writeUnwritten(engine: Engine): Promise<void> {
  for (;;) {
    const kept = await engine.unwritten.oldest();
    if (kept.length === 0) return;
    const jobs = kept.flatMap(({ jobs }) => jobs);
    const known = await engine.ledger.insertKeyed(jobs.map(({ row }) => row));
    // A key that stands for an ended job, or for another payload: its delivery would decide what becomes of it, and that message is gone.
    const contested = jobs.filter(({ row }, index) => row.fp !== null && row.boot !== engine.boot && !known[index]?.inserted);
    const refused = await send(
      engine,
      contested.map(({ envelope }) => ({ envelope, delaySeconds: 0 })),
    );
    if (refused.length > 0) return;
    await engine.unwritten.remove(kept.map(({ name }) => name));
  }
}
