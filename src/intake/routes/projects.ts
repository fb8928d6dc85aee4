import { withIso } from "../../time/iso";
import * as v from "valibot";
import { Problem } from "../../errors";
import type { ProjectView } from "../../tenants/project";
import { projectSchema } from "../../tenants/project-schema";
import { projectBody } from "../body";
import { namedRoutes } from "../named-routes";
import { found } from "../problem";
import { param, route } from "../route";
import { projectShape } from "../setting-shapes";

const apiKey = v.pipe(v.string(), v.description("Shown once and not stored"));

/** `/v1/leads/{tenant}/{project}` is a project's form, and `/v1/leads/{lead}/release` has the same shape. */
const takenNames = ["release"];

const settingsRoutes = namedRoutes(
  {
    path: "/v1/projects/:project",
    name: "Project",
    field: "projects",
    noun: "project",
    summaries: { list: "List the lead projects", get: "One lead project", remove: "Remove a lead project; its leads stay" },
    scope: "leads",
    shape: projectShape,
    store: ({ projects }) => projects,
    view: projectView,
  },
  route("PUT /v1/projects/:project", {
    name: "putProject",
    summary: "Create or replace a lead project; its API key is shown at creation only",
    description: "The answer to the first call has `siteKey`, `formId` and, this once, `apiKey`. See docs/leads.md.",
    scope: "admin",
    body: { schema: projectSchema, limit: projectBody },
    answers: { 200: v.object({ ...projectShape.entries, apiKey: v.optional(apiKey) }) },
    handle: async ({ deps, tenant, params, body }) => {
      const name = param({ params }, "project");
      if (takenNames.includes(name))
        throw new Problem("invalid", "The project's name is reserved.", {
          errors: [{ path: "project", message: "must be another name: the path /v1/leads/{lead}/release uses this one" }],
        });
      const put = await deps.projects.put(tenant, name, body, deps.now());
      return { status: 200, body: { ...projectView(put.project), ...(put.apiKey === undefined ? {} : { apiKey: put.apiKey }) } };
    },
  }),
);

export const projectRoutes = [
  ...settingsRoutes,
  route("POST /v1/projects/:project/api-key", {
    name: "renewProjectKey",
    summary: "A new API key; the old one is refused everywhere within 60 seconds",
    scope: "admin",
    answers: { 200: v.object({ apiKey }) },
    handle: async ({ deps, tenant, params }) => {
      return { status: 200, body: { apiKey: found(await deps.projects.renewKey(tenant, param({ params }, "project"), deps.now()), "project") } };
    },
  }),
];

function projectView(project: ProjectView) {
  return withIso(project, "created", "updated");
}
