import type { Campaign } from "./model";
import { paceReasons, pausedReason } from "./pace";
import { opensAt } from "./window";
import { hourMs } from "../../time/day";

const minLookMs = 15_000;
const maxLookMs = 6 * hourMs;

/**
 * Why a running or paused campaign sends nothing now, and when to check again; undefined: it may send. The interval of the checks grows with
 * the length of a pause: resuming wakes waiting jobs, so the check is only for a job that settles at that moment.
 */
export function holdOf(campaign: Pick<Campaign, "state" | "updated" | "window" | "zone">, now: number): { reason: string; until: number } | undefined {
  const { state, updated, window, zone } = campaign;
  if (state === "paused") {
    const look = Math.min(maxLookMs, Math.max(minLookMs, (now - updated) / 2));
    return { reason: pausedReason, until: now + look };
  }
  const opens = opensAt(window, zone, now);
  return opens > now ? { reason: paceReasons.window, until: opens } : undefined;
}
