import type { LeftOut } from "../../domain/campaigns/model";
import type { PageBody } from "../../domain/campaigns/objects";
import type { Mail } from "../../providers/mail/mail";
import { ok } from "../../queue/effect";
import type { Outcome } from "../../queue/outcome";
import { inTurn, mailTo, outcomeFrom, type PageContext, type PageJob, type Sending, stopOf } from "./page";

type SendBatch = NonNullable<Mail["sendBatch"]>;

// Characters of the mails in one call; what is over goes in a further one.
const maxBodyLength = 2_000_000;

// One call for the page, or several where its mails are large. A body lies in R2 before it is sent: while it does, it may have arrived, and each try sends it.
export async function sendInBatches(job: PageJob, sendBatch: SendBatch, context: PageContext): Promise<Sending> {
  const left: LeftOut[] = [];
  let part = 0;
  let reached = 0;
  for (; reached < job.recipients.length; part++) {
    const stop = part === 0 ? undefined : await stopOf(job, context);
    if (stop === "cancelled") break;
    if (stop) return stop;
    const known = await context.campaigns.body(job.campaign.id, job.page, part);
    const body = known ?? (await bodyFrom(job, reached, context));
    const sent = body.messages.length === 0 ? { failed: [] } : await sendBody(job, part, { body, isNew: known === null }, sendBatch, context);
    if ("outcome" in sent) return sent;
    left.push(...body.left, ...sent.failed.map(([hash, reason]): LeftOut => ({ hash, state: "failed", reason })));
    reached = body.until;
  }
  return { reached, left, parts: part };
}

async function bodyFrom(job: PageJob, from: number, context: PageContext): Promise<PageBody> {
  const rest = job.recipients.slice(from);
  const { skipped } = await context.suppressions.split(
    rest.map(({ to }) => to),
    true,
  );
  const suppressed = new Map(skipped.map(({ address, reason }) => [address, reason]));
  const body: PageBody = { until: from, messages: [], left: [] };
  let length = 0;
  for (const recipient of rest) {
    const { hash, to } = recipient;
    const reason = suppressed.get(to);
    const made = reason === undefined ? await mailTo(job, recipient, context) : undefined;
    if (made && "message" in made) {
      const { subject, html = "", text = "" } = made.message;
      length += subject.length + html.length + text.length;
      if (length > maxBodyLength && body.messages.length > 0) break;
      body.messages.push({ hash, message: made.message });
    } else if (made) body.left.push({ hash, state: "failed", reason: made.reason });
    else body.left.push({ hash, state: "suppressed", reason: reason ?? "" });
    body.until++;
  }
  return body;
}

interface Sendable {
  body: PageBody;
  isNew: boolean;
}

type Failed = [hash: string, reason: string][];

async function sendBody(
  { campaign, page }: PageJob,
  part: number,
  { body, isNew }: Sendable,
  sendBatch: SendBatch,
  context: PageContext,
): Promise<{ failed: Failed } | { outcome: Outcome }> {
  const { campaigns, id, mail, now, signal } = context;
  const send = async (idempotencyKey: string) => {
    if (isNew) await campaigns.putBody(campaign.id, page, part, body);
    const messages = body.messages.map(({ message }) => message);
    const reply = await sendBatch(messages, { idempotencyKey, signal, about: { job: id, campaign: campaign.id } });
    if (!reply.ok) return reply;
    const failed = reply.value.flatMap((item, index): Failed => (item.ok ? [] : [[body.messages[index]?.hash ?? "", item.failure.reason]]));
    return ok({ failed });
  };
  const { held, reply } = await inTurn(`${id}:${part}`, context, () => context.effect(`send-${part}`, send, { idempotentFor: mail.idempotentFor }));
  if (held) return { outcome: held };
  // No value: an operator found out that it was sent.
  if (reply.ok) return { failed: reply.value?.failed ?? [] };
  // It certainly did not arrive: the next try asks anew who is suppressed. Parts before it were sent as they are recorded.
  if (isNew && reply.failure.class !== "uncertain") await campaigns.removeBody(campaign.id, page, part);
  return { outcome: outcomeFrom(reply.failure, now()) };
}
