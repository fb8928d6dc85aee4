import type { Campaign } from "./model";
import { opensAt } from "./window";
import { hourMs } from "../../time/day";

/** Waits by which a campaign keeps its own pace: its plan, and no fault. */
export const paceReasons = {
  rate: "the campaign's rate",
  pages: "its pages are being sent",
  window: "outside of the campaign's send window",
} as const;

/** The reason of jobs that wait because an operator paused their campaign. */
export const pausedReason = "the campaign is paused";

const paces: ReadonlySet<string> = new Set(Object.values(paceReasons));
const types: ReadonlySet<string> = new Set(["campaign", "campaign-page"]);

/** Whether jobs of this type that wait for this reason wait by the plan of their campaign. */
export function isPaced(type: string, reason: string | null): boolean {
  return types.has(type) && reason !== null && paces.has(reason);
}

/** Whether jobs of this type wait because their campaign is paused. */
export function isPausedCampaign(type: string, reason: string | null): boolean {
  return types.has(type) && reason === pausedReason;
}

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
