import { withCommas } from "../../decimal";
import { type FailureSeverity, failureSeverity, type TroubledCampaign } from "../campaigns/trouble";
import type { ReportFacts } from "./facts";
import { type Finding, isoSeconds, type RemedyCall } from "./model";

/** Some addresses of each list are wrong: from this share of failed mails on it is a finding. */
const minShare = 0.01;
/** Mails that must fail, or wait, while the campaign runs: one is no sign yet. */
const minRecipients = 3;
/** What was acknowledged is a finding again when so many times more recipients have failed. */
const growth = 2;
/** A page that failed this often stands still. */
const criticalAttempts = 3;
const maxName = 60;

/** Campaigns whose mails fail, and those whose mails stand still. */
export function campaigns({ campaigns: all }: ReportFacts): Finding[] {
  return all.flatMap((campaign) => [...failing(campaign), ...standing(campaign)]);
}

function failing(campaign: TroubledCampaign): Finding[] {
  const { state, total, sent, failed, started, reason, ended } = campaign;
  const share = failed / (failed + sent);
  const isEnded = state === "done";
  if (failed === 0 || share < minShare || (!isEnded && failed < minRecipients)) return [];
  const severity = failureSeverity(failed, sent);
  if (isAcknowledged(campaign, severity)) return [];
  const of = isEnded ? total : failed + sent;
  const when = isEnded ? (ended === null ? "has ended" : `ended at ${isoSeconds(ended)}`) : "is running";
  const failures = `${withCommas(failed)} of ${isEnded ? "" : "the first "}${withCommas(of)} recipient${of === 1 ? "" : "s"} failed`;
  const { actions, ...about } = common(campaign);
  const acknowledge: RemedyCall = { method: "POST", path: `/v1/campaigns/${campaign.id}/acknowledge`, label: "Acknowledge" };
  return [
    {
      ...about,
      actions: [...actions, acknowledge],
      code: "campaign-failed",
      severity,
      sentence: `The campaign ${shortCampaignName(campaign)} ${when}: ${failures}: ${reason ?? "no reason is known"}`,
      since: started,
      count: failed,
    },
  ];
}

/** Not when they have grown beyond what the operator saw. */
function isAcknowledged({ failed, acknowledged, acknowledgedSeverity }: TroubledCampaign, severity: FailureSeverity): boolean {
  if (acknowledged === null || failed >= growth * acknowledged) return false;
  return acknowledgedSeverity !== "warning" || severity === "warning";
}

function standing(campaign: TroubledCampaign): Finding[] {
  const { total, started, stalledReason, stalledSince, attempts, jobReason } = campaign;
  const stalled = jobReason === null ? campaign.stalled : campaign.left;
  if (stalled === 0 || stalled < Math.min(minRecipients, total)) return [];
  const because = jobReason === null ? (stalledReason ?? "no reason is known") : `its pages cannot be enqueued: ${jobReason}`;
  const how = jobReason === null && attempts > 0 ? "their page failed and will be tried again: " : "";
  return [
    {
      ...common(campaign),
      code: "campaign-stalled",
      severity: attempts >= criticalAttempts ? "critical" : "warning",
      sentence: `${withCommas(stalled)} of ${withCommas(total)} recipients of the campaign ${shortCampaignName(campaign)} wait: ${how}${because}`,
      since: stalledSince ?? started,
      count: stalled,
    },
  ];
}

function common({ tenant, id, state }: TroubledCampaign): Pick<Finding, "tenant" | "subject" | "actions"> {
  const look: RemedyCall = { method: "GET", path: `/v1/campaigns/${id}`, label: "Look" };
  const pause: RemedyCall = { method: "POST", path: `/v1/campaigns/${id}/pause`, label: "Pause" };
  return { tenant, subject: `campaign/${id}`, actions: state === "running" ? [look, pause] : [look] };
}

function shortCampaignName({ name }: TroubledCampaign): string {
  return name.length > maxName ? `${name.slice(0, maxName)}…`.toWellFormed() : name;
}
