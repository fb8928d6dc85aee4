import { plural } from "../../decimal";
import type { CampaignDetail, LeftRecipients } from "../answers";
import { page, type Visit } from "../page";
import { Act } from "../parts/act";
import { Fact } from "../parts/fact";
import { number, tailOf } from "../parts/format";
import { State } from "../parts/state";
import { Older, Section, Table } from "../parts/table";
import { Sentence, Time } from "../parts/time";
import { campaignActions } from "./actions";
import { CampaignMoves, CampaignProgress, CampaignState } from "./parts";

interface Model {
  campaign: CampaignDetail;
  left: LeftRecipients;
}

/** One campaign: its state and counts, why recipients got no mail, and its pages that stand still or failed. */
export const campaignDetailPage = page<Model>({
  path: "/campaigns/:id",
  section: "Campaigns",
  tenants: "one",
  title: ({ campaign }) => `Campaign ${campaign.name}: ${campaign.state}`,
  query: async ({ api, params, url }) => {
    const path = `/v1/campaigns/${encodeURIComponent(params["id"] ?? "")}`;
    const [campaign, left] = await Promise.all([
      api.get<CampaignDetail>(path),
      api.get<LeftRecipients>(`${path}/recipients`, { limit: "50", cursor: url.searchParams.get("cursor") ?? undefined }),
    ]);
    return { campaign, left };
  },
  pace: ({ campaign }) => (campaign.state === "running" ? "quick" : "calm"),
  view: ({ campaign, left }, visit) => (
    <>
      <div class="head">
        <h1>
          Campaign {campaign.name} <CampaignState campaign={campaign} />
        </h1>
        <span class="remedies">
          {campaign.failed > (campaign.acknowledged?.failed ?? 0) ? (
            <Act visit={visit} action={campaignActions.acknowledge} fields={{ id: campaign.id, failed: String(campaign.failed) }} />
          ) : null}{" "}
          <CampaignMoves visit={visit} campaign={campaign} />
        </span>
      </div>
      {campaign.waitingFor === undefined ? null : (
        <p class="why">
          <Sentence text={campaign.waitingFor} />
        </p>
      )}
      <p>
        <CampaignProgress campaign={campaign} />
      </p>
      <Facts campaign={campaign} />
      {campaign.reasons.length > 0 ? <Reasons campaign={campaign} /> : null}
      {campaign.pages.length > 0 ? <Pages visit={visit} campaign={campaign} /> : null}
      {left.recipients.length > 0 ? <Left left={left} /> : null}
    </>
  ),
});

const counts = [
  ["queued", "Not dealt with yet"],
  ["sent", "Sent"],
  ["failed", "Failed"],
  ["suppressed", "Suppressed"],
  ["duplicates", "Listed twice"],
  ["cancelled", "Cancelled"],
  ["bounced", "Bounced"],
  ["complained", "Complained"],
  ["unsubscribed", "Unsubscribed"],
] as const;

function Facts({ campaign }: { campaign: CampaignDetail }) {
  const { templateId, templateVersion, ratePerMinute, window } = campaign;
  return (
    <dl class="facts">
      <Fact name="Recipients" value={number(campaign.total)} />
      {counts.map(([count, name]) => (
        <Fact key={count} name={name} value={number(campaign[count])} />
      ))}
      <Fact name="Template" value={templateVersion === null ? templateId : `${templateId}, version ${templateVersion}`} />
      <Fact name="Rate" value={ratePerMinute === null ? "as fast as the provider takes them" : `${number(ratePerMinute)} a minute`} />
      {window === null ? null : <Fact name="Window" value={`${window.from} to ${window.to}${window.days ? `, ${window.days.join(", ")}` : ""}`} />}
      <Fact name="Made" value={<Time at={campaign.createdAt} />} />
      {campaign.startedAt === null ? null : <Fact name="Started" value={<Time at={campaign.startedAt} />} />}
      {campaign.endedAt === null ? null : <Fact name="Ended" value={<Time at={campaign.endedAt} />} />}
      {campaign.acknowledged === null ? null : (
        <Fact name="Acknowledged" value={[number(campaign.acknowledged.failed), " failed, ", <Time at={campaign.acknowledged.at} />]} />
      )}
    </dl>
  );
}

function Reasons({ campaign: { reasons } }: { campaign: CampaignDetail }) {
  const counted = reasons.reduce((sum, { count }) => sum + count, 0);
  return (
    <Section title="Why no mail" aside={<span class="dim">of {plural(counted, "recipient")} that got none</span>}>
      <Table
        label="Reasons"
        rows={reasons}
        columns={[
          ["State", ({ state }) => <LeftState state={state} />],
          ["Reason", ({ reason }) => <Sentence text={reason} />, "words"],
          ["#Recipients", ({ count }) => number(count)],
        ]}
      />
    </Section>
  );
}

function Pages({ visit, campaign: { pages } }: { visit: Visit; campaign: CampaignDetail }) {
  return (
    <Section title="Pages that stand still or failed">
      <Table
        label="Pages"
        rows={pages}
        columns={[
          ["State", ({ state }) => <State is={state ?? "unknown"} word={state ?? "no longer kept"} />],
          ["Job", ({ state, jobId }) => (state === null ? tailOf(jobId) : <a href={`${visit.base}/jobs/${jobId}`}>{tailOf(jobId)}</a>), "name"],
          ["#Recipients", ({ recipients }) => number(recipients)],
          ["Reason", ({ reason }) => <Sentence text={reason ?? ""} />, "words"],
        ]}
      />
    </Section>
  );
}

/** By the line of the list: no address is kept here. */
function Left({ left: { recipients, cursor } }: { left: LeftRecipients }) {
  return (
    <Section title="Recipients without a mail">
      <Table
        label="Recipients without a mail"
        rows={recipients}
        columns={[
          ["#Line", ({ line }) => number(line)],
          ["State", ({ state }) => <LeftState state={state} />],
          ["Reason", ({ reason }) => <Sentence text={reason} />, "words"],
          ["-Provider", ({ providerMessage }) => providerMessage ?? ""],
        ]}
      />
      <Older cursor={cursor} label="Further lines" />
    </Section>
  );
}

function LeftState({ state }: { state: string }) {
  return <State is={state === "failed" ? "failed" : "skipped"} word={state} />;
}
