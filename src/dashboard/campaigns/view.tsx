import type { Campaign } from "../answers";
import { page, type Visit } from "../page";
import { domId, number } from "../parts/format";
import { ProgressBar } from "../parts/progress";
import { Empty, Table } from "../parts/table";
import { Time } from "../parts/time";
import { CampaignMoves, campaignOutcome, CampaignState } from "./parts";

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
  const { id, name, total, queued, waitingFor } = campaign;
  return (
    <tr id={domId("campaign", id)}>
      <td>
        <CampaignState campaign={campaign} />
      </td>
      <td class="words">
        <a href={`${visit.base}/campaigns/${id}`}>{name}</a> {waitingFor === undefined ? null : <span class="dim">{waitingFor}</span>}
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
        <CampaignMoves visit={visit} campaign={campaign} />
      </td>
    </tr>
  );
}
