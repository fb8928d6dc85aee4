import type { ReplayView } from "./model";

/** Failures from which on a replay under way may be stopped. */
const minFailures = 10;

/** What of a replay decides whether it goes on. */
export type ReplayStanding = Pick<ReplayView, "canary" | "sent" | "succeeded" | "failedAgain" | "open"> & {
  /** Whether all that it names were sent. */
  isSent: boolean;
};

type ReplayEnd = { state: "done" } | { state: "stopped"; reason: string };

/** Whether a running replay ends now; null: it goes on. Pure. */
export function endOf(replay: ReplayStanding): ReplayEnd | null {
  if (replay.isSent) return replay.open === 0 ? { state: "done" } : null;
  if (replay.canary === 0) return null;
  const { canary, sent, succeeded, failedAgain, open } = replay;
  const ended = succeeded + failedAgain;
  const isMost = failedAgain * 2 >= ended && failedAgain > 0;
  if (sent <= canary) {
    const isOver = sent === canary && open === 0;
    return isOver && isMost ? { state: "stopped", reason: `${failedAgain} of the first ${sent} jobs failed again; the others were not sent` } : null;
  }
  const isFailing = isMost && failedAgain >= minFailures;
  return isFailing ? { state: "stopped", reason: `${failedAgain} of ${ended} jobs failed again; the others were not sent` } : null;
}

/** How many jobs may be sent now, as far as its canary goes: its rest, none while it is under way, then all. Pure. */
export function canaryRoom({ canary, sent, open }: Pick<ReplayStanding, "canary" | "sent" | "open">): number {
  if (sent < canary) return canary - sent;
  return sent === canary && canary > 0 && open > 0 ? 0 : Infinity;
}
