import { plural } from "../../decimal";
import type { Campaign } from "../answers";
import type { Visit } from "../page";
import { Act } from "../parts/act";
import { number } from "../parts/format";
import { ProgressBar } from "../parts/progress";
import { State } from "../parts/state";
import { campaignActions } from "./actions";

/** The state of a campaign; one that has ended without a single mail does not read as success. */
export function CampaignState({ campaign: { state, sent, failed } }: { campaign: Campaign }) {
  return state === "done" && sent === 0 && failed > 0 ? <State is="failed" word="done: none was sent" /> : <State is={state} />;
}

/** Results in the progress bar's label: on a phone there is no column for them. */
function outcomeText({ sent, failed, suppressed }: Campaign): string {
  const others = [failed > 0 ? `${number(failed)} failed` : "", suppressed > 0 ? `${number(suppressed)} suppressed` : ""];
  return [`${number(sent)} sent`, ...others].filter(Boolean).join(", ");
}

export function CampaignProgress({ campaign }: { campaign: Campaign }) {
  const { total, queued } = campaign;
  return <ProgressBar progress={{ done: total - queued, total, note: outcomeText(campaign) }} noun="are dealt with" />;
}

/** The actions that its state allows. */
export function CampaignMoves({ visit, campaign: { id, state, total, queued } }: { visit: Visit; campaign: Campaign }) {
  const fields = { id };
  if (state === "done" || state === "cancelled") return null;
  return (
    <>
      {state === "draft" && total === 0 ? <span class="dim">no recipients yet</span> : null}
      {state === "draft" && total > 0 ? (
        <Act visit={visit} action={campaignActions.start} fields={fields}>
          <p>A mail goes to {plural(total, "recipient")}, with the newest version of the template.</p>
        </Act>
      ) : null}{" "}
      {state === "running" ? <Act visit={visit} action={campaignActions.pause} fields={fields} /> : null}{" "}
      {state === "paused" ? <Act visit={visit} action={campaignActions.resume} fields={fields} /> : null}{" "}
      <Act visit={visit} action={campaignActions.cancel} fields={fields}>
        <p>No mail goes to the {plural(queued, "recipient")} still without one. It cannot be started again.</p>
      </Act>
    </>
  );
}
