import { buryMismatch } from "./bury";
import type { Engine } from "../engine";
import type { Envelope } from "../envelope";
import type { KnownJob } from "../ports/intake-ledger";
import { orTrouble } from "../or-trouble";
import type { Prepared } from "./prepared";
import { reviveAtDelivery } from "../revive";

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

/**
 * Writes the rows of the kept jobs; the sweep over rows of earlier starts then sends those whose messages were lost. Where a key has a row already, it
 * does what the delivery would do: records another payload as a dead letter, brings back a job that has ended. A repeat is harmless. Throws while a
 * store is down.
 */
export async function writeUnwritten(engine: Engine): Promise<void> {
  for (;;) {
    const kept = await engine.unwritten.oldest();
    if (kept.length === 0) return;
    const jobs = kept.flatMap(({ jobs }) => jobs);
    const rows = await engine.ledger.insertKeyed(jobs.map(({ row }) => row));
    for (const [index, { envelope }] of jobs.entries()) await decideKey(engine, envelope, rows[index]);
    await engine.unwritten.remove(kept.map(({ name }) => name));
  }
}

async function decideKey(engine: Engine, envelope: Envelope, row: KnownJob | undefined): Promise<void> {
  if (!row || row.inserted || envelope.fp === undefined) return;
  if (row.fp !== null && row.fp !== envelope.fp) await buryMismatch(engine, envelope);
  else if (envelope.unasked) await reviveAtDelivery(engine, { envelope, acceptedWithoutLedgerAt: envelope.at });
}
