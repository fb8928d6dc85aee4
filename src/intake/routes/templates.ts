import { isoOrNull } from "../../time/iso";
import * as v from "valibot";
import { type Issue, Problem } from "../../errors";
import { sourceOf, withLayout } from "../../domain/mail/content";
import { layoutIssue, templateContent, templateId, templateIssues, usedLayoutIssue, type TemplateContent } from "../../domain/mail/model";
import { renderPaced } from "../../domain/mail/render-paced";
import { unsubscribeVariables } from "../../domain/suppressions/unsubscribe";
import { count, isoTime, jsonObject, outputList } from "../../bounded";
import { smallBody } from "../body";
import type { IntakeDeps } from "../deps";
import { cursorText, paging } from "../query";
import { found } from "../problem";
import { param, route } from "../route";
import { cursor } from "../shapes";

const previewRequest = v.strictObject({
  variables: v.optional(jsonObject(), {}),
  content: v.optional(v.pipe(templateContent, v.description("Shown instead of the stored template, which stays as it is"))),
});

export const templateShape = v.object({
  id: v.string(),
  version: count,
  subject: v.string(),
  html: v.optional(v.string()),
  text: v.optional(v.string()),
  layout: v.optional(v.string()),
  created: v.pipe(v.nullable(isoTime), v.description("Null for a built-in one")),
});

const { html: _html, text: _text, layout: _layout, ...summarised } = templateShape.entries;
export const templatesShape = v.object({ templates: outputList(v.object({ ...summarised, layout: v.nullable(v.string()) })), cursor });

export const previewShape = v.object({
  id: v.string(),
  version: v.pipe(v.nullable(count), v.description("Null when the content came with the request")),
  layoutVersion: v.nullable(count),
  subject: v.string(),
  html: v.nullable(v.string()),
  text: v.pipe(v.nullable(v.string()), v.description("The template's, else made from the html")),
});

export const templatePutShape = v.object({ id: v.string(), version: count, changed: v.boolean() });

export const templateRoutes = [
  route("GET /v1/templates", {
    name: "listTemplates",
    summary: "The mail templates, those that are built in (version 0) as well",
    scope: "read",
    query: v.strictObject({ cursor: cursorText(/^[a-z0-9-]{1,63}$/), ...paging }),
    answers: { 200: templatesShape },
    handle: async ({ deps, tenant, query }) => {
      const templates = await deps.templates.list(tenant, query.cursor ?? "", query.limit + 1);
      const views = templates.slice(0, query.limit).map((each) => ({ ...each, created: createdOf(each) }));
      return { status: 200, body: { templates: views, cursor: templates.length > views.length ? (views.at(-1)?.id ?? null) : null } };
    },
  }),
  route("PUT /v1/templates/:id", {
    name: "putTemplate",
    summary: "Add a version to a mail template",
    description:
      "The language is Liquid. A job renders the version that was newest when it was enqueued, or when an operator last retried it. `layout` names a template that prints this one at `{{ content }}`. Without a text part one is made from the HTML.",
    scope: "admin",
    body: { schema: templateContent, limit: smallBody },
    answers: { 200: templatePutShape },
    handle: async ({ deps, tenant, params, body }) => {
      const id = templateIdIn(params);
      refuse(await issuesOf(deps, tenant, id, body), "The template cannot be rendered.");
      await refuseBreaking(deps, tenant, id, body);
      const { version, changed } = await deps.templates.put(tenant, id, body, deps.now());
      return { status: 200, body: { id, version, changed } };
    },
  }),
  route("GET /v1/templates/:id", {
    name: "getTemplate",
    summary: "The newest version of a mail template",
    scope: "read",
    answers: { 200: templateShape },
    handle: async ({ deps, tenant, params }) => {
      const template = found(await deps.templates.at(tenant, templateIdIn(params), deps.now()), "template");
      return { status: 200, body: { ...template, created: createdOf(template) } };
    },
  }),
  route("POST /v1/templates/:id/preview", {
    name: "previewTemplate",
    summary: "Render a template with variables; nothing is sent",
    description: "`{{ unsubscribeUrl }}` of bulk mail prints a sample link, which changes nothing.",
    scope: "read",
    body: { schema: previewRequest, limit: smallBody },
    answers: { 200: previewShape },
    handle: async ({ deps, tenant, params, body, request }) => {
      const { content } = body;
      const id = templateIdIn(params);
      if (content) {
        const issues = await issuesOf(deps, tenant, id, content);
        refuse(
          issues.map(({ path, message }) => ({ path: `content.${path}`, message })),
          "The content cannot be rendered.",
        );
      }
      const stored = content ? null : await deps.templates.at(tenant, id, deps.now());
      const template = found(content ?? stored, "template");
      const composition = await withLayout(deps.templates, tenant, template, deps.now());
      if (!composition.ok) throw new Problem("invalid", "The template cannot be rendered.", { errors: [{ path: "id", message: composition.reason }] });
      const variables = { ...unsubscribeVariables(new URL("/u/sample", request.url).href), ...body.variables };
      const rendered = await renderPaced(sourceOf(composition.value), { variables, at: deps.now() });
      if (!rendered.ok) throw invalidField("variables", rendered.reason);
      const { subject, html, text } = rendered.content;
      const versions = { version: stored?.version ?? null, layoutVersion: composition.value.layout?.version ?? null };
      return { status: 200, body: { id, ...versions, subject, html: html ?? null, text: text ?? null } };
    },
  }),
];

function templateIdIn(params: Readonly<Record<string, string>>): string {
  const id = param({ params }, "id");
  if (!v.is(templateId, id))
    throw new Problem("invalid", "The name in the path is wrong.", { errors: [{ path: "id", message: "must match [a-z0-9-]{1,63}" }] });
  return id;
}

async function issuesOf(deps: Pick<IntakeDeps, "now" | "templates">, tenant: string, id: string, content: TemplateContent): Promise<Issue[]> {
  const issues = templateIssues(content);
  if (content.layout === undefined) return issues;
  const issue = content.layout === id ? "is the template itself" : layoutIssue(content.layout, await deps.templates.at(tenant, content.layout, deps.now()));
  return issue === undefined ? issues : [...issues, { path: "layout", message: issue }];
}

/** Refuses a change after which a layout that other templates use would no longer be a layout. */
async function refuseBreaking(deps: Pick<IntakeDeps, "now" | "templates">, tenant: string, id: string, content: TemplateContent): Promise<void> {
  if (layoutIssue(id, content) === undefined || layoutIssue(id, await deps.templates.at(tenant, id, deps.now())) !== undefined) return;
  const user = await deps.templates.userOfLayout(tenant, id);
  const issue = user === undefined ? undefined : usedLayoutIssue(content, user);
  refuse(issue ? [issue] : [], "With this change the mails of another template could no longer be rendered.");
}

/** Throws `invalid` when there are issues. */
function refuse(errors: readonly Issue[], detail: string): void {
  if (errors.length > 0) throw new Problem("invalid", detail, { errors: [...errors] });
}

function invalidField(path: string, message: string): Problem {
  return new Problem("invalid", "The template cannot be rendered with these variables.", { errors: [{ path, message }] });
}

/** Null for a built-in template. */
function createdOf({ version, created }: { version: number; created: number }): string | null {
  return isoOrNull(version === 0 ? null : created);
}
