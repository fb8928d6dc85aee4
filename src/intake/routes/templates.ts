import { Problem } from "../../errors";
import { templateContent, templateIssues } from "../../domain/mail/template";
import { smallBody } from "../body";
import { param, route } from "../route";
import { templatePutShape, templateShape } from "../shapes";
import { iso } from "../views";

export const templateRoutes = [
  route("PUT /v1/templates/:id", {
    name: "putTemplate",
    summary: "Add a version to a mail template",
    scope: "admin",
    tenant: "own",
    body: { schema: templateContent, limit: smallBody },
    answers: { 200: templatePutShape },
    handle: async ({ deps, tenant, params, body }) => {
      const errors = templateIssues(body);
      if (errors.length > 0) throw new Problem("invalid", "The template cannot be rendered.", { errors });
      const id = param({ params }, "id");
      const { version, changed } = await deps.templates.put(tenant, id, body, deps.now());
      return { status: 200, body: { id, version, changed } };
    },
  }),
  route("GET /v1/templates/:id", {
    name: "getTemplate",
    summary: "The newest version of a mail template",
    scope: "read",
    tenant: "own",
    answers: { 200: templateShape },
    handle: async ({ deps, tenant, params }) => {
      const template = await deps.templates.at(tenant, param({ params }, "id"), deps.now());
      if (!template) throw new Problem("not-found", "There is no such template.");
      return { status: 200, body: { ...template, created: iso(template.created) } };
    },
  }),
];
