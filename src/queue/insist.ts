import type { Engine } from "./engine";
import { reasonOf } from "../masking/redact";

/** What the ledger refuses is tried again after these. Milliseconds. */
const pauses = [100, 500, 2000];

/**
 * Asks the ledger to take what has happened, again while it does not answer: most of its troubles are over within seconds.
 * Each failure is told as trouble at `where`; the last one is thrown.
 */
export async function insist<T>(engine: Engine, where: string, ask: () => Promise<T>): Promise<T> {
  for (const pause of pauses) {
    try {
      return await ask();
    } catch (thrown) {
      engine.emit({ event: "trouble", where, reason: reasonOf(thrown) });
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return ask();
}
