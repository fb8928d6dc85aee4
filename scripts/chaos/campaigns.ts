import { setTimeout as passing } from "node:timers/promises";
import { expectOk } from "../../test/way/support/api.ts";
import type { Tenant } from "./tenants.ts";

interface CampaignView {
  state: string;
  total: number;
  queued: number;
  sent: number;
  failed: number;
  suppressed: number;
}

export interface Campaign {
  id: string;
  tenant: string;
  recipients: string[];
  view: CampaignView;
}

const none: CampaignView = { state: "draft", total: 0, queued: 0, sent: 0, failed: 0, suppressed: 0 };

/** Makes a campaign with so many recipients, ready to start. */
export async function makeCampaign({ api, name }: Tenant, count: number): Promise<Campaign> {
  const { id } = (await expectOk(api.ask("POST", "/v1/campaigns", { body: { name: "News", templateId: "news" } }))).body as { id: string };
  const recipients = Array.from({ length: count }, (_, n) => `c${n}@${name}.example`);
  const body = ["email,name", ...recipients.map((address, n) => `${address},Name ${n}`)].join("\n");
  await expectOk(api.ask("PUT", `/v1/campaigns/${id}/recipients`, { body, headers: { "content-type": "text/csv" } }));
  return { id, tenant: name, recipients, view: none };
}

/** Starts it; tried again until it is started. */
export async function startCampaign({ api }: Tenant, { id }: Campaign): Promise<void> {
  for (let tries = 1; tries < 100; tries++) {
    const answer = await api.ask("POST", `/v1/campaigns/${id}/start`).catch(() => undefined);
    // Started by a request whose answer was lost.
    if (answer && (answer.status < 300 || answer.status === 409)) return;
    await passing(500);
  }
}

export async function lookAt({ api }: Tenant, campaign: Campaign): Promise<Campaign> {
  return { ...campaign, view: (await expectOk(api.get(`/v1/campaigns/${campaign.id}`))).body as CampaignView };
}
