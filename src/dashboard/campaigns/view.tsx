import type { Campaign } from "../answers";
import { page, type Visit } from "../page";
import { domId, number } from "../parts/format";
import { type Column, Older, Table } from "../parts/table";
import { Time } from "../parts/time";
import { CampaignMoves, CampaignProgress, CampaignState } from "./parts";

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
      <Table
        label="Campaigns"
        rows={campaigns}
        id={({ id }) => domId("campaign", id)}
        columns={campaignColumns(visit)}
        empty={["There is no campaign. ", <code>POST /v1/campaigns</code>, " makes one, of a template and a list."]}
      />
      <Older cursor={cursor} path={`${visit.base}/campaigns`} />
    </>
  ),
});

function campaignColumns(visit: Visit): Column<Campaign>[] {
  return [
    ["State", (campaign) => <CampaignState campaign={campaign} />],
    [
      "Name",
      ({ id, name, waitingFor }) => [
        <a href={`${visit.base}/campaigns/${id}`}>{name}</a>,
        " ",
        waitingFor === undefined ? null : <span class="dim">{waitingFor}</span>,
      ],
      "words",
    ],
    ["-Template", ({ templateId }) => templateId, "name"],
    ["Progress", (campaign) => <CampaignProgress campaign={campaign} />],
    ["#-Failed", ({ failed }) => number(failed)],
    ["#-Suppressed", ({ suppressed }) => number(suppressed)],
    ["#-Bounced", ({ bounced }) => number(bounced)],
    ["#-Unsubscribed", ({ unsubscribed }) => number(unsubscribed)],
    ["-Made", ({ createdAt }) => <Time at={createdAt} />],
    ["", (campaign) => <CampaignMoves visit={visit} campaign={campaign} />],
  ];
}
