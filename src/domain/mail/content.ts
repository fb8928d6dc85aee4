import type { MailSource } from "./render";
import { layoutIssue } from "./model";
import type { Template, TemplateContent, Templates } from "./model";

/** A template with its layout, both of the same time. */
export interface Composed {
  template: TemplateContent;
  layout: Template | undefined;
}

type Composition = { ok: true; value: Composed } | { ok: false; reason: string };

/** Finds a template, and its layout, as of `at` (milliseconds). */
export async function composed(templates: Templates, tenant: string, id: string, at: number): Promise<Composition> {
  const template = await templates.at(tenant, id, at);
  return template ? withLayout(templates, tenant, template, at) : { ok: false, reason: `there is no template "${id}"` };
}

/** The same for content that may not be stored. */
export async function withLayout(templates: Templates, tenant: string, template: TemplateContent, at: number): Promise<Composition> {
  if (template.layout === undefined) return { ok: true, value: { template, layout: undefined } };
  const layout = await templates.at(tenant, template.layout, at);
  const issue = layoutIssue(template.layout, layout);
  return issue === undefined && layout ? { ok: true, value: { template, layout } } : { ok: false, reason: `layout: ${issue}` };
}

/** The source to render; `subject` precedes the template's. */
export function sourceOf({ template, layout }: Composed, subject?: string): MailSource {
  return { subject: subject ?? template.subject, html: template.html, text: template.text, layout };
}
