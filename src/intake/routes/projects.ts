import * as v from "valibot";
import { projectSchema } from "../../tenants/project-schema";
import { Problem } from "../../errors";
import type { ProjectView } from "../../tenants/project";
import { projectBody } from "../body";
import { param, route } from "../route";
import { isoTime, listShape } from "../shapes";
import { iso } from "../views";

const entries = { project: v.string(), siteKey: v.string(), formId: v.string(), created: isoTime, updated: isoTime };
export const projectShape = v.looseObject(entries);
const apiKey = v.pipe(v.string(), v.description("Shown this once, kept nowhere"));

/** `/v1/leads/{tenant}/{project}` is a project's form: a project of this name would lie where a lead is released. */
const takenNames = ["release"];

export const projectRoutes = [
  route("PUT /v1/projects/:project", {
    name: "putProject",
    summary: "Create or replace a lead project; its API key is shown at creation only",
    description: "The answer to the first call has `siteKey`, `formId` and, this once, `apiKey`. See docs/leads.md.",
    scope: "admin",
    tenant: "own",
    body: { schema: projectSchema, limit: projectBody },
    answers: { 200: v.looseObject({ ...entries, apiKey: v.optional(apiKey) }) },
    handle: async ({ deps, tenant, params, body }) => {
      const name = param({ params }, "project");
      if (takenNames.includes(name))
        throw new Problem("invalid", "The project's name is taken.", {
          errors: [{ path: "project", message: "must be another: /v1/leads/{lead}/release has it" }],
        });
      const put = await deps.projects.put(tenant, name, body, deps.now());
      return { status: 200, body: { ...shown(put.project), ...(put.apiKey === undefined ? {} : { apiKey: put.apiKey }) } };
    },
  }),
  route("GET /v1/projects", {
    name: "listProjects",
    summary: "List the lead projects",
    scope: "leads",
    tenant: "own",
    answers: { 200: listShape("projects", projectShape) },
    handle: async ({ deps, tenant }) => ({ status: 200, body: { projects: (await deps.projects.list(tenant)).map(shown) } }),
  }),
  route("GET /v1/projects/:project", {
    name: "getProject",
    summary: "One lead project",
    scope: "leads",
    tenant: "own",
    answers: { 200: projectShape },
    handle: async ({ deps, tenant, params }) => {
      const project = await deps.projects.get(tenant, param({ params }, "project"));
      if (!project) throw nothing();
      return { status: 200, body: shown(project) };
    },
  }),
  route("DELETE /v1/projects/:project", {
    name: "deleteProject",
    summary: "Remove a lead project; its leads stay",
    scope: "admin",
    tenant: "own",
    answers: { 204: null },
    handle: async ({ deps, tenant, params }) => {
      if (!(await deps.projects.remove(tenant, param({ params }, "project")))) throw nothing();
      return { status: 204 };
    },
  }),
  route("POST /v1/projects/:project/api-key", {
    name: "renewProjectKey",
    summary: "A new API key; the old one is refused everywhere within 60 seconds",
    scope: "admin",
    tenant: "own",
    answers: { 200: v.object({ apiKey }) },
    handle: async ({ deps, tenant, params }) => {
      const key = await deps.projects.renewKey(tenant, param({ params }, "project"), deps.now());
      if (key === null) throw nothing();
      return { status: 200, body: { apiKey: key } };
    },
  }),
];

function nothing(): Problem {
  return new Problem("not-found", "There is no such project.");
}

function shown({ created, updated, ...project }: ProjectView) {
  return { ...project, created: iso(created), updated: iso(updated) };
}
