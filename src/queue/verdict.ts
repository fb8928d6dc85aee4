import type { FoundJob } from "./ledger";
import { isTerminal, type JobState } from "./state";

/** Clocks of Workers may differ by this much. Milliseconds. */
export const tolerance = 5000;

export type Verdict =
  | { do: "ack" }
  /** Deliver again after this many seconds. */
  | { do: "later"; seconds: number }
  /** Its lease expired or it crashed before: claim it alone. */
  | { do: "alone" }
  /** Its key was sent again after it ended. */
  | { do: "revive" }
  /** Another payload under the same key. */
  | { do: "bury" }
  /** It was asked to end and nobody holds it. */
  | { do: "cancel" };

/** A sender who repeats the key of a job that did not come to be done wants it done. */
export const revivedByKey: readonly JobState[] = ["dead", "discarded", "cancelled"];

/** What to do with a message whose job was not claimed: the one table, see docs/lifecycle.md. Pure. */
export function verdictOn(
  message: { seq: number; fp: string | null; unaskedAt?: number | undefined },
  row: FoundJob,
  now: number,
  random: () => number,
): Verdict {
  // First of all: it was accepted while the ledger was away and is another job, whatever became of the row's own.
  if (row.fp !== null && message.fp !== null && row.fp !== message.fp) return { do: "bury" };
  if (isSentAfter(message, row)) return { do: "revive" };
  if (isTerminal(row.state) || row.seq > message.seq) return { do: "ack" };
  if (row.state === "running" && row.until > now) return { do: "later", seconds: secondsTo(row.until, now) + Math.floor(random() * 5) };
  if (row.cancel) return { do: "cancel" };
  if (row.due !== null && row.due > now + tolerance) return { do: "later", seconds: secondsTo(row.due, now) };
  if (row.state === "running" || row.crash) return { do: "alone" };
  // Claimable a moment ago and not claimed: it changed between claim and look. Once more, shortly.
  return { do: "later", seconds: 1 };
}

/** A copy of what made the job, or brought it back before, was accepted before that end. */
function isSentAfter({ fp, unaskedAt }: { fp: string | null; unaskedAt?: number | undefined }, { state, ended, fp: known }: FoundJob): boolean {
  return unaskedAt !== undefined && ended !== null && revivedByKey.includes(state) && ended < unaskedAt - tolerance && known === fp;
}

function secondsTo(time: number, now: number): number {
  return Math.min(86_400, Math.max(1, Math.ceil((time - now) / 1000)));
}
