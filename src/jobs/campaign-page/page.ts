import { holdOf } from "../../domain/campaigns/pace";
import type { Campaign, ClaimedRecipient, LeftOut } from "../../domain/campaigns/model";
import { builtInFrom } from "../../domain/mail/built-in";
import { type Composed, sourceOf } from "../../domain/mail/content";
import { renderPaced } from "../../domain/mail/render-paced";
import { unsubscribeVariables } from "../../domain/suppressions/unsubscribe";
import type { MailMessage } from "../../providers/mail/mail";
import type { Failure } from "../../queue/effect";
import { outcomeOf } from "../../queue/effect";
import type { Run } from "../../queue/job";
import { type Outcome, wait } from "../../queue/outcome";
import type { GateReport } from "../../queue/ports/gates";
import type { campaignPage } from "./job";

export type PageContext = Parameters<Run<typeof campaignPage>>[1];

/** A page with its recipients and mails. */
export interface PageJob {
  campaign: Campaign;
  page: number;
  template: Composed;
  recipients: readonly ClaimedRecipient[];
}

/** The number of sent mails, the recipients without one, and the number of bodies in R2. */
export interface SentPage {
  sent: number;
  left: LeftOut[];
  parts: number;
}

/** The same, or the outcome of a page that has not ended. */
export type Sending = SentPage | { outcome: Outcome };

/** The reason of a mail without an answer, which counts as failed. */
export const mayHaveArrived = "uncertain: the campaign was cancelled before the provider answered, which may have the mail";

/** Seconds until a connection that was refused for its settings is tried again; setting it wakes its jobs at once. */
const configPauseSeconds = 900;
/** The run waits for a slot that is free within this time. */
const shortWaitMs = 3000;

/** A recipient's mail, or why it cannot be rendered. It derives from the list, the pinned template and the start of the campaign alone. */
export async function mailTo(
  { campaign, template }: Pick<PageJob, "campaign" | "template">,
  recipient: ClaimedRecipient,
  { mail, suppressions }: PageContext,
): Promise<{ message: MailMessage } | { reason: string }> {
  const link = await suppressions.unsubscribe(recipient.to, campaign.id);
  const variables = { ...unsubscribeVariables(link?.url), ...campaign.variables, ...recipient.variables };
  const rendered = await renderPaced(sourceOf(template), { variables, at: campaign.pinned ?? campaign.created });
  if (!rendered.ok) return { reason: rendered.reason };
  const message = { from: mail.from ?? builtInFrom, to: [recipient.to], replyTo: mail.replyTo, ...rendered.content, bulk: true };
  return { message: { ...message, ...(link ? { headers: link.headers } : {}) } };
}

/** A wrong setting is no failure of the page, which waits until the setting is corrected. */
export function outcomeFrom(failure: Failure, now: number): Outcome {
  if (failure.class !== "config") return outcomeOf(failure, now);
  return outcomeOf({ ...failure, class: "limited", retryAfter: failure.retryAfter ?? configPauseSeconds }, now);
}

/** A recipient whose mail the provider refused, with the provider's message. */
export function leftOutBy({ reason, providerMessage }: Failure, hash: string): LeftOut {
  return { hash, state: "failed", reason, ...(providerMessage === undefined ? {} : { providerMessage }) };
}

/** Between two calls of a page: why it stops. `cancelled` ends it with what was sent. */
export async function stopOf(
  { campaign }: Pick<PageJob, "campaign">,
  { campaigns, now }: PageContext,
): Promise<{ outcome: Outcome } | "cancelled" | undefined> {
  const current = await campaigns.get(campaign.id);
  if (!current || current.state === "cancelled") return "cancelled";
  const hold = holdOf(current, now());
  return hold && { outcome: wait(hold.reason, { until: hold.until }) };
}

/** Calls the provider once within the tenant's limits for mail. The failure is `limited` when there is no slot. */
export async function withMailSlot<T>(key: string, context: PageContext, call: () => Promise<T & ({ ok: true } | { ok: false; failure: Failure })>) {
  const slot = await mailSlotFor(key, context);
  if (!slot.granted) return { held: wait(`mail: ${slot.reason}`, { until: slot.until, gate: "mail", park: slot.park }) };
  let calls: GateReport = "none";
  try {
    const reply = await call();
    calls = reply.ok || !["transient", "uncertain"].includes(reply.failure.class) ? "answered" : "transient";
    return { reply };
  } finally {
    await slot.leave(calls);
  }
}

async function mailSlotFor(key: string, { campaigns, signal, now }: PageContext) {
  for (let tries = 0; ; tries++) {
    const slot = await campaigns.mailSlot(key);
    const pause = slot.granted ? 0 : slot.until - now();
    if (slot.granted || slot.park || pause > shortWaitMs || tries === 10) return slot;
    await scheduler.wait(Math.max(10, pause), { signal });
  }
}
