import * as v from "valibot";
import type { Issue } from "../../errors";
import { boundedName, boundedText, fieldRule } from "../../bounded";
import { syntaxIssue } from "./liquid";

/** One version of a template; it never changes. */
export interface Template extends TemplateContent {
  id: string;
  version: number;
  /** Milliseconds. */
  created: number;
}

/** A tenant's templates, as jobs see them. */
export interface Templates {
  /** The version that was newest at `at` (milliseconds), else the earliest; null when there is none of that id. */
  at(tenant: string, id: string, at: number): Promise<Template | null>;
}

/** A template in a list, without its bodies. */
export interface TemplateSummary {
  id: string;
  version: number;
  subject: string;
  layout: string | null;
  created: number;
}

declare module "../../queue/job" {
  interface Capabilities {
    templates: Templates;
  }
}

const source = boundedText(262_144, { min: 1 });

export const templateId = boundedName("must match [a-z0-9-]{1,63}");

/** Body of `PUT /v1/templates/{id}`. Its Liquid is checked by `templateIssues`. */
export const templateContent = v.pipe(
  v.strictObject({
    subject: boundedText(4096, { min: 1 }),
    html: v.optional(source),
    text: v.optional(source),
    // Another template of the tenant, whose `html` and `text` print this one's at `{{ content }}`.
    layout: v.optional(templateId),
  }),
  fieldRule(["html", "text"], ({ html, text }) => html !== undefined || text !== undefined, "one of html and text is needed", "html"),
);

/** The content of a template, three Liquid sources; `html` escapes the values of variables, subject and text do not. */
export type TemplateContent = v.InferOutput<typeof templateContent>;

/** The issues of a template's Liquid: one a part, with line and column. Empty when it can be rendered. */
export function templateIssues(content: TemplateContent): Issue[] {
  return (["subject", "html", "text"] as const).flatMap((part) => {
    const issue = content[part] === undefined ? undefined : syntaxIssue(content[part], part === "html" ? "html" : "plain");
    return issue ? [{ path: part, message: issue }] : [];
  });
}

/** Whether a layout prints `content` in each of its parts. */
function printsContent({ html, text }: TemplateContent): boolean {
  return [html, text].every((part) => part === undefined || /\{\{-? {0,20}content\b/.test(part));
}

/** The issue of new content for a template that is the layout of `user`, each mail of which would end as a dead letter. */
export function usedLayoutIssue(content: TemplateContent, user: string): Issue | undefined {
  if (content.layout !== undefined) return { path: "layout", message: `must be left out: this template is the layout of "${user}"` };
  return printsContent(content)
    ? undefined
    : { path: content.html === undefined ? "text" : "html", message: `this template is the layout of "${user}": each of its parts must print {{ content }}` };
}

/** Why a template cannot be a layout; undefined when it can. */
export function layoutIssue(id: string, layout: TemplateContent | null): string | undefined {
  if (!layout) return `there is no template "${id}"`;
  if (layout.layout !== undefined) return `"${id}" has a layout itself: a layout has none`;
  return printsContent(layout) ? undefined : `"${id}" does not print {{ content }} in each of its parts`;
}
