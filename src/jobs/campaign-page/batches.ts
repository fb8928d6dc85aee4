import type { ClaimedRecipient, LeftOut } from "../../domain/campaigns/model";
import type { PageBody } from "../../domain/campaigns/objects";
import type { Mail } from "../../providers/mail/mail";
import { type Act, ok } from "../../queue/effect";
import type { Outcome } from "../../queue/outcome";
import { withMailSlot, leftOutBy, mailTo, mayHaveArrived, outcomeFrom, type PageContext, type PageJob, type Sending, type SentPage, stopOf } from "./page";

type SendBatch = NonNullable<Mail["sendBatch"]>;

// Characters of the mails in one call; more need a further call.
const maxBodyLength = 2_000_000;

// One call for the page, or several where its mails are large. A body is stored in R2 before it is sent; while it is there it may have arrived, and each
// try sends it again.
export async function sendInBatches(job: PageJob, sendBatch: SendBatch, context: PageContext): Promise<Sending> {
  const left: LeftOut[] = [];
  let [sent, part] = [0, 0];
  for (let rest = job.recipients; rest.length > 0; part++) {
    const stop = part === 0 ? undefined : await stopOf(job, context);
    if (stop === "cancelled") break;
    if (stop) return stop;
    const sentBefore = await knownBody(job, part, context);
    const body = sentBefore ?? (await bodyFrom(job, rest, context));
    const reply = body.messages.length === 0 ? { failed: [] } : await sendBody(job, part, { body, isNew: sentBefore === null }, sendBatch, context);
    if ("outcome" in reply) return reply;
    left.push(...body.left, ...reply.failed);
    sent += body.messages.length - reply.failed.length;
    rest = rest.filter(({ line }) => line > body.through);
  }
  return { sent, left, parts: part };
}

// What was sent before the campaign was cancelled. A body without a recorded answer may have arrived.
export async function sentInBatches({ campaign, page }: Pick<PageJob, "campaign" | "page">, context: PageContext): Promise<SentPage> {
  const left: LeftOut[] = [];
  let [sent, part] = [0, 0];
  for (; ; part++) {
    const body = await context.campaigns.body(campaign.id, page, part);
    if (body === null) return { sent, left, parts: part };
    const recorded = context.recorded(`send-${part}`);
    const failed =
      typeof recorded === "object" ? failedIn(recorded.value) : body.messages.map(({ hash }): LeftOut => ({ hash, state: "failed", reason: mayHaveArrived }));
    left.push(...body.left, ...failed);
    sent += body.messages.length - failed.length;
  }
}

// An operator's retry after a fix renders the mails again; it is possible only where certainly nothing arrived.
async function knownBody({ campaign, page }: PageJob, part: number, context: PageContext): Promise<PageBody | null> {
  const body = await context.campaigns.body(campaign.id, page, part);
  return body !== null && body.at >= context.pinnedAt ? body : null;
}

async function bodyFrom(job: PageJob, rest: readonly ClaimedRecipient[], context: PageContext): Promise<PageBody> {
  const { skipped } = await context.suppressions.split(
    rest.map(({ to }) => to),
    true,
  );
  const suppressed = new Map(skipped.map(({ address, reason }) => [address, reason]));
  const body: PageBody = { through: 0, at: context.now(), messages: [], left: [] };
  let length = 0;
  for (const recipient of rest) {
    const { hash, to, line } = recipient;
    const reason = suppressed.get(to);
    const made = reason === undefined ? await mailTo(job, recipient, context) : undefined;
    if (made && "message" in made) {
      const { subject, html = "", text = "" } = made.message;
      length += subject.length + html.length + text.length;
      if (length > maxBodyLength && body.messages.length > 0) break;
      body.messages.push({ hash, message: made.message });
    } else if (made) body.left.push({ hash, state: "failed", reason: made.reason });
    else body.left.push({ hash, state: "suppressed", reason: reason ?? "" });
    body.through = line;
  }
  return body;
}

interface Sendable {
  body: PageBody;
  isNew: boolean;
}

async function sendBody(
  { campaign, page }: PageJob,
  part: number,
  { body, isNew }: Sendable,
  sendBatch: SendBatch,
  context: PageContext,
): Promise<{ failed: LeftOut[] } | { outcome: Outcome }> {
  const { campaigns, id, mail, now, signal } = context;
  const send: Act<{ failed: LeftOut[] }> = async (idempotencyKey, earlier) => {
    if (isNew) await campaigns.putBody(campaign.id, page, part, body);
    const messages = body.messages.map(({ message }) => message);
    const reply = await sendBatch(messages, { idempotencyKey, earlier, signal, about: { job: id, campaign: campaign.id } });
    if (!reply.ok) return reply;
    const failed = reply.value.flatMap((item, index) => (item.ok ? [] : [leftOutBy(item.failure, body.messages[index]?.hash ?? "")]));
    return ok({ failed });
  };
  const options = { idempotentFor: mail.idempotentFor, begun: body.at };
  const { held, reply } = await withMailSlot(`${id}:${part}`, context, () => context.effect(`send-${part}`, send, options));
  if (held) return { outcome: held };
  if (reply.ok) return { failed: failedIn(reply.value) };
  // It certainly did not arrive: the next try reads the suppressions again. Earlier parts were sent as recorded.
  if (isNew && reply.failure.class !== "uncertain") await campaigns.removeBody(campaign.id, page, part);
  return { outcome: outcomeFrom(reply.failure, now()) };
}

// Without a value, an operator recorded it as sent.
function failedIn(value: unknown): LeftOut[] {
  return (value as { failed: LeftOut[] } | null)?.failed ?? [];
}
