import { evaluate, safeHtml } from "./liquid";
import type { Mode } from "./liquid";
import { createMailMeter } from "./meter";
import type { MailMeter } from "./meter";
import { textFromHtml } from "./text";
import { withoutScriptLinks } from "./links";

/** The source of a mail's content: a template, or the sender's own parts. */
export interface MailSource {
  subject: string;
  html?: string | undefined;
  text?: string | undefined;
  /** Liquid that prints each part at `{{ content }}`; only with variables. */
  layout?: { html?: string | undefined; text?: string | undefined } | undefined;
}

/** The rendered content. */
type MailContent = Omit<MailSource, "layout">;

export interface RenderOptions {
  /** With variables the source is Liquid; without, it is sent unchanged, braces included. */
  variables: Record<string, unknown> | undefined;
  /** The job's time (milliseconds), so that every retry renders the same. */
  at: number;
}

export type RenderedMail = { ok: true; content: MailContent } | { ok: false; reason: string };

/** Longest subject line (RFC 5322: 998 characters). */
const maxSubject = 998;

/** Renders a mail's content. The reason of a refusal names part and position, and no value. */
export function renderMail(source: MailSource, options: RenderOptions, meter: MailMeter = createMailMeter()): RenderedMail {
  const subject = part("subject", source.subject, "plain", options, meter);
  const html = laidOut("html", source, "html", options, meter);
  const text = laidOut("text", source, "plain", options, meter);
  const issue = subject.issue ?? html.issue ?? text.issue;
  if (issue !== undefined) return { ok: false, reason: issue };
  const line = oneLine(subject.text ?? "");
  if (line === "") return { ok: false, reason: "subject: is empty" };
  if (line.length > maxSubject) return { ok: false, reason: `subject: is longer than ${maxSubject} characters` };
  const safeHtml = html.text === undefined ? undefined : withoutScriptLinks(html.text);
  return { ok: true, content: { subject: line, html: safeHtml, text: text.text ?? madeText(safeHtml) } };
}

/** For mail programs that show no HTML; spam filters also rate a mail with a text part better. */
function madeText(html: string | undefined): string | undefined {
  const text = html === undefined ? "" : textFromHtml(html);
  return text.trim() === "" ? undefined : text;
}

/** A part within its layout. */
function laidOut(name: "html" | "text", source: MailSource, mode: Mode, options: RenderOptions, meter: MailMeter): { text?: string; issue?: string } {
  const inner = part(name, source[name], mode, options, meter);
  const outer = source.layout?.[name];
  if (inner.text === undefined || outer === undefined) return inner;
  const content = mode === "html" ? safeHtml(inner.text) : inner.text;
  return part(`layout: ${name}`, outer, mode, { ...options, variables: { ...options.variables, content } }, meter);
}

/** The text without line breaks and other control characters: what follows a line break would be another header. */
export function oneLine(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .trim();
}

function part(name: string, source: string | undefined, mode: Mode, { variables, at }: RenderOptions, meter: MailMeter): { text?: string; issue?: string } {
  if (source === undefined) return {};
  if (variables === undefined) return { text: source };
  const evaluated = evaluate(source, mode, { variables, at, meter });
  return evaluated.ok ? { text: evaluated.text } : { issue: `${name}: ${evaluated.issue}` };
}
