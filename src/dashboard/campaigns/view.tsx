import type { Campaign } from "../answers";
import { page, type Visit } from "../page";
import { Act } from "../parts/act";
import { domId, number, plural } from "../parts/format";
import { ProgressBar } from "../parts/progress";
import { State } from "../parts/state";
import { Empty, Table } from "../parts/table";
import { Time } from "../parts/time";
import { campaignActions } from "./actions";

interface Model {
  campaigns: Campaign[];
  cursor: string | null;
}

export const campaignsPage = page<Model>({
  path: "/campaigns",
  section: "Campaigns",
  tenants: "one",
  title: () => "Campaigns",
  query: ({ api, url }) => api.get<Model>("/v1/campaigns", { limit: "50", cursor: url.searchParams.get("cursor") ?? undefined }),
  pace: ({ campaigns }) => (campaigns.some(({ state }) => state === "running") ? "quick" : "calm"),
  view: ({ campaigns, cursor }, visit) => (
    <>
      <h1>Campaigns</h1>
      {campaigns.length > 0 ? (
        <Table label="Campaigns" columns={["State", "Name", "-Template", "Progress", "#-Failed", "#-Suppressed", "#-Bounced", "#-Unsubscribed", "-Made", ""]}>
          {campaigns.map((campaign) => (
            <Row key={campaign.id} visit={visit} campaign={campaign} />
          ))}
        </Table>
      ) : (
        <Empty>
          There is no campaign. <code>POST /v1/campaigns</code> makes one, of a template and a list.
        </Empty>
      )}
      {cursor === null ? null : (
        <p class="pager">
          <a rel="next" href={`${visit.base}/campaigns?cursor=${encodeURIComponent(cursor)}`}>
            Older
          </a>
        </p>
      )}
    </>
  ),
});

function Row({ visit, campaign }: { visit: Visit; campaign: Campaign }) {
  const { id, name, state, total, queued, waitingFor } = campaign;
  return (
    <tr id={domId("campaign", id)}>
      <td>{state === "done" && campaign.sent === 0 && campaign.failed > 0 ? <State is="failed" word="done: none was sent" /> : <State is={state} />}</td>
      <td class="words">
        {name} {waitingFor === undefined ? null : <span class="dim">{waitingFor}</span>}
      </td>
      <td class="wide name">{campaign.templateId}</td>
      <td>
        <ProgressBar progress={{ done: total - queued, total, note: campaignOutcome(campaign) }} noun="are dealt with" />
      </td>
      <td class="num wide">{number(campaign.failed)}</td>
      <td class="num wide">{number(campaign.suppressed)}</td>
      <td class="num wide">{number(campaign.bounced)}</td>
      <td class="num wide">{number(campaign.unsubscribed)}</td>
      <td class="wide">
        <Time at={campaign.createdAt} />
      </td>
      <td class="actions">
        <Moves visit={visit} campaign={campaign} />
      </td>
    </tr>
  );
}

/** Results in the progress bar's label: on a phone there is no column for them. */
function campaignOutcome({ sent, failed, suppressed }: Campaign): string {
  const others = [failed > 0 ? `${number(failed)} failed` : "", suppressed > 0 ? `${number(suppressed)} suppressed` : ""];
  return [`${number(sent)} sent`, ...others].filter(Boolean).join(", ");
}

/** The actions that its state allows. */
function Moves({ visit, campaign: { id, state, total, queued } }: { visit: Visit; campaign: Campaign }) {
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
