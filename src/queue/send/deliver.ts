import type { Engine } from "../engine";
import type { JobRef } from "../ports/job-row";
import { orTrouble } from "../or-trouble";
import { send, type Sendable } from "./send";

/**
 * Sends copies of jobs whose rows are in the ledger. Jobs that no queue took are marked as unsent, and the tick sends them from `retryAt` on.
 * Returns the unsent ones. Never throws.
 */
export async function deliver(engine: Engine, copies: readonly Sendable[], retryAt = engine.now()): Promise<Sendable[]> {
  const refused = await send(engine, copies);
  await markUnsent(
    engine,
    refused.map(({ envelope }) => envelope),
    retryAt,
  );
  return refused;
}

/** Marks jobs that have a row and no message: the tick sends one from `retryAt` on. Never throws. */
export async function markUnsent(engine: Engine, refs: readonly JobRef[], retryAt = engine.now()): Promise<void> {
  if (refs.length === 0) return;
  // Without the mark their side rows, or the scan over the ids, bring them back ten minutes after they were due.
  await orTrouble(engine, "unsent", () => engine.ledger.unsent(refs, retryAt));
}
