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
