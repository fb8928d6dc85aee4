import { builtInFrom } from "../../domain/mail/built-in";
import type { RenderedMail } from "../../domain/mail/render";
import { renderPaced } from "../../domain/mail/render-paced";
import type { Attached } from "../../domain/mail/attachments";
import { composed, sourceOf } from "../../domain/mail/content";
import type { Composed } from "../../domain/mail/content";
import type { Skipped } from "../../domain/suppressions/capability";
import { unsubscribeVariables } from "../../domain/suppressions/unsubscribe";
import type { SentMessage } from "../../providers/mail/mail";
import { decisionPrefix, failed, ok, outcomeOf } from "../../queue/effect";
import type { Act, Reply } from "../../queue/effect";
import type { PayloadOf, Run } from "../../queue/job";
import { discard, done } from "../../queue/outcome";
import type { email } from "./job";
import { bareAddress, mailboxFrom } from "../../domain/mail/mailbox";

// A decision has no outside effect: one that was not recorded may be made again at any time. Seconds.
const decisionHolds = Number.POSITIVE_INFINITY;

export const runEmail: Run<typeof email> = async (payload, context) => {
  const { mail, templates, tenant, at, pinnedAt } = context;
  const template = payload.templateId === undefined ? undefined : await composed(templates, tenant, payload.templateId, pinnedAt);
  if (template && !template.ok) return discard(template.reason);
  const bulk = payload.priority === "low";
  const admission = await deliverable(recipients(payload.to), bulk, context);
  if (!admission.ok) return outcomeOf(admission.failure, context.now());
  const { to, skipped } = admission.value;
  if (to.length === 0) return done({ messageId: null, skipped });
  const link = bulk ? await linkFor(to, context) : undefined;
  const rendered = await render(payload, template?.value, at, unsubscribeVariables(link?.url));
  if (!rendered.ok) return discard(rendered.reason);
  const message = {
    from: payload.from === undefined ? (mail.from ?? builtInFrom) : inAscii(payload.from),
    to,
    replyTo: payload.replyTo === undefined ? mail.replyTo : inAscii(payload.replyTo),
    ...rendered.content,
    ...(bulk ? { bulk } : {}),
    ...(link ? { headers: link.headers } : {}),
  };
  const options = { signal: context.signal, about: { job: context.id } };
  const send = (attached: Attached) => {
    if (!attached.ok) return Promise.resolve(failed({ class: "permanent", reason: attached.reason }));
    const whole = attached.files.length > 0 ? { ...message, attachments: attached.files } : message;
    const act: Act<SentMessage> = (idempotencyKey, earlier) => mail.send(whole, { idempotencyKey, earlier, ...options });
    return context.effect("send", act, { idempotentFor: mail.idempotentFor });
  };
  const { attachments } = payload;
  const pinned = attachments ? await decide("attachments", context, () => context.attachments.pin(attachments)) : ok([]);
  if (!pinned.ok) return outcomeOf(pinned.failure, context.now());
  const sent = attachments ? await context.attachments.withFiles(attachments, pinned.value, context.signal, send) : await send({ ok: true, files: [] });
  if (!sent.ok) return outcomeOf(sent.failure, context.now());
  const refused = (sent.value?.refused ?? []).map((index) => ({ address: to[index] ?? "", reason: "rejected" }));
  const left = [...skipped, ...refused];
  return done({ messageId: sent.value?.id ?? null, ...(left.length > 0 ? { skipped: left } : {}) });
};

type Context = Parameters<typeof runEmail>[1];

// Decided once: a provider refuses an idempotency key with other content. Without the recorded decision nothing may be sent.
async function decide<T>(what: string, context: Context, look: () => Promise<T>): Promise<Reply<T>> {
  if (context.dryRun) return ok(await look());
  const decided = await context.effect(`${decisionPrefix}${what}`, async () => ok(await look()), { idempotentFor: decisionHolds });
  // Null: the record was erased with a person's data.
  return decided.ok ? ok(decided.value ?? (await look())) : decided;
}

// Splits several recipients into those to mail and those that are suppressed.
async function deliverable(all: string[], bulk: boolean, context: Context): Promise<Reply<{ to: string[]; skipped: Skipped[] }>> {
  if (all.length === 1) return ok(await context.suppressions.split(all, bulk));
  const decided = await decide("recipients", context, async () => {
    const { skipped } = await context.suppressions.split(all, bulk);
    return skipped.map(({ address, reason }) => ({ index: all.indexOf(address), reason }));
  });
  if (!decided.ok) return decided;
  const left = new Map(decided.value.map(({ index, reason }) => [index, reason]));
  return ok({
    to: all.filter((_, index) => !left.has(index)),
    skipped: [...left].map(([index, reason]) => ({ address: all[index] ?? "", reason })),
  });
}

// The link is the recipient's, so a mail to several has none.
async function linkFor([only, ...others]: readonly string[], { suppressions }: Context) {
  return only === undefined || others.length > 0 ? undefined : suppressions.unsubscribe(only);
}

// A template is always Liquid; the sender's own content only with variables, so that finished HTML may contain braces.
function render(
  { subject, html, text, variables }: PayloadOf<typeof email>,
  template: Composed | undefined,
  at: number,
  given: Record<string, unknown>,
): Promise<RenderedMail> {
  return renderPaced(template ? sourceOf(template, subject) : { subject: subject ?? "", html, text }, {
    variables: variables || template ? { ...given, ...variables } : undefined,
    at,
  });
}

function recipients(to: string | readonly string[]): string[] {
  const all = (typeof to === "string" ? [to] : to).map(inAscii);
  return [...new Map(all.map((mailbox) => [bareAddress(mailbox).toLowerCase(), mailbox])).values()];
}

// The address with its domain in ASCII, as providers name it in their events.
function inAscii(mailbox: string): string {
  return mailboxFrom(mailbox) ?? mailbox;
}
