import { renderMail } from "../../domain/mail/render";
import type { Rendered } from "../../domain/mail/render";
import type { Template } from "../../domain/mail/template";
import { outcomeOf } from "../../queue/effect";
import type { PayloadOf, Run } from "../../queue/job";
import { discard, done } from "../../queue/outcome";
import type { email } from "./job";
import { addressOf } from "./mailbox";

export const builtInFrom = "Jobyard <no-reply@jobyard.invalid>";

export const sendEmail: Run<typeof email> = async (payload, context) => {
  const { mail, templates, tenant, at, pinnedAt } = context;
  const template = payload.templateId === undefined ? undefined : await templates.at(tenant, payload.templateId, pinnedAt);
  if (template === null) return discard(`there is no template "${payload.templateId}"`);
  const rendered = render(payload, template, at);
  if (!rendered.ok) return discard(rendered.reason);
  const message = {
    from: payload.from ?? mail.from ?? builtInFrom,
    to: recipients(payload.to),
    replyTo: payload.replyTo ?? mail.replyTo,
    ...rendered.content,
  };
  const sent = await context.effect("send", (idempotencyKey) => mail.send(message, { idempotencyKey, signal: context.signal }), {
    idempotentFor: mail.idempotentFor,
  });
  if (!sent.ok) return outcomeOf(sent.failure, context.now());
  // Null as well when an operator found out that it was sent.
  return done({ messageId: (sent.value as { id: string } | null)?.id ?? null });
};

// A template is always Liquid; content of the sender's own only when variables come with it, so that finished html may hold braces.
function render(payload: PayloadOf<typeof email>, template: Template | undefined, at: number): Rendered {
  const { html, text } = template ?? payload;
  const subject = payload.subject ?? template?.subject ?? "";
  return renderMail({ subject, html, text }, { variables: payload.variables ?? (template && {}), at });
}

function recipients(to: string | readonly string[]): string[] {
  const all = typeof to === "string" ? [to] : to;
  return [...new Map(all.map((mailbox) => [addressOf(mailbox).toLowerCase(), mailbox])).values()];
}
