import { dayLimitIn } from "../d1";
import { messageOf } from "../errors";
import type { Engine } from "./engine";
import { redactedReason } from "../masking/redact";

/** Pauses between the tries. Milliseconds. */
const pausesMs = [100, 500, 2000];

/**
 * Asks the ledger to record what has happened, up to four times: most of its failures pass within seconds.
 * Each failure but the last is emitted as trouble at `where`; the last one is thrown.
 */
export async function withRetry<T>(engine: Engine, where: string, ask: () => Promise<T>): Promise<T> {
  for (const pause of pausesMs) {
    try {
      return await ask();
    } catch (thrown) {
      // The daily limit is used up until midnight UTC: a retry would fail too.
      if (dayLimitIn(messageOf(thrown))) throw thrown;
      engine.emit({ event: "trouble", where, reason: redactedReason(thrown) });
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return ask();
}
