import type { ClaimedRecipient, LeftOut } from "../../domain/campaigns/model";
import { type Act, type Failure, failed, ok } from "../../queue/effect";
import { again, type Outcome } from "../../queue/outcome";
import { withMailSlot, leftOutBy, mailTo, mayHaveArrived, outcomeFrom, type PageContext, type PageJob, type Sending, type SentPage, stopOf } from "./page";

// Concurrent mails.
const lanes = 5;
// Interval of reading the campaign's state.
const lookEveryMs = 2000;

type Left = Omit<LeftOut, "hash">;

// One effect for each recipient: done ones are skipped, and a mail that a provider without idempotency may have is never sent again.
export async function sendOneByOne(job: PageJob, context: PageContext): Promise<Sending> {
  const left: LeftOut[] = [];
  let looked = context.now();
  let [sent, reached] = [0, 0];
  while (reached < job.recipients.length) {
    if (context.shouldYield()) return { outcome: again({ single: true }) };
    if (context.now() - looked >= lookEveryMs) {
      looked = context.now();
      const stop = await stopOf(job, context);
      if (stop === "cancelled") break;
      if (stop) return stop;
    }
    const group = job.recipients.slice(reached, reached + lanes);
    const { skipped } = await context.suppressions.split(
      group.map(({ to }) => to),
      true,
    );
    const reasons = new Map(skipped.map(({ address, reason }) => [address, reason as string]));
    const ends = await Promise.all(group.map((recipient) => sendOne(job, recipient, reasons.get(recipient.to), context)));
    const stop = ends.find((each) => each !== undefined && "outcome" in each);
    if (stop && "outcome" in stop) return stop;
    left.push(...ends.flatMap((each, index) => (each && "state" in each ? [{ hash: group[index]?.hash ?? "", ...each }] : [])));
    sent += ends.filter((each) => each === undefined).length;
    reached += group.length;
  }
  return { sent, left, parts: 0 };
}

// What was sent before the campaign was cancelled.
export function sentOneByOne(recipients: readonly ClaimedRecipient[], context: PageContext): SentPage {
  const recorded = recipients.flatMap(({ hash, line }) => {
    const effect = context.recorded(effectOf(line));
    if (effect === "open") return [{ hash, value: { state: "failed", reason: mayHaveArrived } satisfies Left }];
    return effect ? [{ hash, value: effect.value as Left | null }] : [];
  });
  const left = recorded.flatMap(({ hash, value }) => (value ? [{ hash, ...value }] : []));
  return { sent: recorded.length - left.length, left, parts: 0 };
}

const effectOf = (line: number) => `to-${line}`;

// Undefined: it was sent.
async function sendOne(
  job: PageJob,
  recipient: ClaimedRecipient,
  suppressed: string | undefined,
  context: PageContext,
): Promise<Left | { outcome: Outcome } | undefined> {
  const { mail, now } = context;
  let held: Outcome | undefined;
  const act: Act<Left | null> = async (idempotencyKey, earlier) => {
    if (suppressed !== undefined) return ok({ state: "suppressed", reason: suppressed });
    const made = await mailTo(job, recipient, context);
    if ("reason" in made) return ok({ state: "failed", reason: made.reason });
    const about = { job: context.id, campaign: job.campaign.id };
    const tried = await withMailSlot(idempotencyKey, context, () => mail.send(made.message, { idempotencyKey, earlier, signal: context.signal, about }));
    if (!tried.reply) {
      held = tried.held;
      return failed({ class: "limited", reason: "held back" });
    }
    const { reply } = tried;
    if (reply.ok) return ok(null);
    return reply.failure.class === "permanent" && !reply.failure.inDoubt ? ok(leftBy(reply.failure)) : reply;
  };
  const reply = await context.effect(effectOf(recipient.line), act, { idempotentFor: mail.idempotentFor, noteFirst: true });
  if (reply.ok) return reply.value ?? undefined;
  if (held) return { outcome: held };
  const { failure } = reply;
  const isOver = failure.class === "permanent" || (failure.class === "uncertain" && mail.idempotentFor === 0);
  return isOver ? leftBy(failure) : { outcome: outcomeFrom(failure, now()) };
}

function leftBy(failure: Failure): Left {
  const { hash: _, ...left } = leftOutBy(failure, "");
  return left;
}
