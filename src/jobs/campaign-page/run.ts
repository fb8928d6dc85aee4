import { holdOf, paceReasons } from "../../domain/campaigns/pace";
import type { Campaign, PageCounts } from "../../domain/campaigns/model";
import { composed } from "../../domain/mail/content";
import type { PayloadOf, Run } from "../../queue/job";
import { discard, done, type Outcome, wait } from "../../queue/outcome";
import { sendInBatches, sentInBatches } from "./batches";
import type { campaignPage } from "./job";
import { sendOneByOne, sentOneByOne } from "./one-by-one";
import type { PageContext, PageJob, Sending, SentPage } from "./page";

interface Cursor {
  /** One effect for each recipient, even if the provider now accepts batches. */
  single?: true;
  /** The page has ended, and this many rendered bodies are to be deleted. */
  ended?: { counts: PageCounts; parts: number };
}

const nothing: PageCounts = { sent: 0, failed: 0, suppressed: 0, duplicates: 0 };

export const runCampaignPage: Run<typeof campaignPage> = async (place, context) => {
  const { campaigns: work, tenant } = context;
  const cursor = (context.cursor ?? {}) as Cursor;
  const begun = await work.begin(place.campaign, place.page, context.id);
  if (!begun) return discard("there is no such campaign");
  const { campaign, isOpen } = begun;
  if (cursor.ended) return finish(campaign, place, cursor.ended, context);
  // The page ended under an earlier row of its job, which retention has deleted.
  if (!isOpen) return done(nothing);
  if (campaign.state === "cancelled") return endPage(campaign, place, await sentBefore(campaign, place, cursor, context), 0, context);
  const held = await heldBack(campaign, place, context);
  if (held) return held;
  const template = await composed(context.templates, tenant, campaign.templateId, campaign.pinned ?? context.at);
  if (!template.ok) return discard(template.reason);
  const { recipients, rows } = await work.claim(campaign, place);
  const page: PageJob = { campaign, page: place.page, template: template.value, recipients };
  const sending = await send(page, cursor, context);
  if ("outcome" in sending) return sending.outcome;
  return endPage(campaign, place, sending, rows - recipients.length, context);
};

async function endPage(campaign: Campaign, place: PayloadOf<typeof campaignPage>, { sent, left, parts }: SentPage, duplicates: number, context: PageContext) {
  const failed = left.filter(({ state }) => state === "failed").length;
  const counts = { sent, failed, suppressed: left.length - failed, duplicates };
  const ended = { counts, parts };
  await context.checkpoint({ ended } satisfies Cursor, context.campaigns.endPage(campaign.id, place.page, counts, left));
  return finish(campaign, place, ended, context);
}

async function sentBefore(campaign: Campaign, place: PayloadOf<typeof campaignPage>, cursor: Cursor, context: PageContext): Promise<SentPage> {
  if (!cursor.single) return sentInBatches({ campaign, page: place.page }, context);
  return sentOneByOne((await context.campaigns.claim(campaign, place)).recipients, context);
}

// Checked before the first call and between the calls of a page.
async function heldBack(campaign: Campaign, place: PayloadOf<typeof campaignPage>, context: PageContext): Promise<Outcome | undefined> {
  const hold = holdOf(campaign, context.now());
  if (hold) return wait(hold.reason, { until: hold.until });
  const slot = await context.campaigns.reserve(campaign, place);
  return slot > context.now() ? wait(paceReasons.rate, { until: slot }) : undefined;
}

// Mails that may have been sent in a batch are never sent one by one: the provider would treat them as other mails.
async function send(page: PageJob, cursor: Cursor, context: PageContext): Promise<Sending> {
  const { sendBatch } = context.mail;
  if (sendBatch && !cursor.single) return sendInBatches(page, sendBatch, context);
  if (!cursor.single && (await context.campaigns.body(page.campaign.id, page.page, 0)))
    return { outcome: discard("uncertain: the page may have been sent by a provider that takes batches, which the connection no longer is; look there") };
  if (!cursor.single) await context.checkpoint({ single: true } satisfies Cursor);
  return sendOneByOne(page, context);
}

async function finish(campaign: Campaign, { page }: { page: number }, { counts, parts }: NonNullable<Cursor["ended"]>, context: PageContext): Promise<Outcome> {
  await context.campaigns.removeBodies(campaign.id, page, parts);
  await context.campaigns.wake(campaign, page);
  return done(counts);
}
