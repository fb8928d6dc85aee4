import { iso } from "../../time/iso";
import { isoTime } from "../../bounded";
import * as v from "valibot";
import { type Access, accessSchema } from "../../domain/installation/access";
import { Problem } from "../../errors";
import { audit } from "../audit";
import { smallBody } from "../body";
import type { IntakeDeps } from "../deps";
import { route } from "../route";

export const accessShape = v.object({ ...accessSchema.entries, updated: isoTime });

export const accessRoutes = [
  route("PUT /v1/access", {
    name: "putAccess",
    summary: "Let people sign in to the pages by Cloudflare Access, each with a role",
    description:
      "A role gives an email or a group a tenant with scopes, or all tenants (`*`). The first that fits counts. Takes effect within 60 seconds. See docs/dashboard.md#cloudflare-access.",
    scope: "root",
    tenant: "none",
    body: { schema: accessSchema, limit: smallBody },
    answers: { 200: accessShape },
    handle: async ({ deps, caller, body }) => {
      await audit({ deps, tenant: null, caller }, "set", `access ${body.teamDomain}`);
      await deps.installation.put("access", body, deps.now());
      return { status: 200, body: await accessBody(deps) };
    },
  }),
  route("GET /v1/access", {
    name: "getAccess",
    summary: "The roles of people who sign in by Cloudflare Access",
    scope: "root",
    tenant: "none",
    answers: { 200: accessShape },
    handle: async ({ deps }) => ({ status: 200, body: await accessBody(deps) }),
  }),
  route("DELETE /v1/access", {
    name: "deleteAccess",
    summary: "Switch sign-in by Cloudflare Access off",
    scope: "root",
    tenant: "none",
    answers: { 204: null },
    handle: async ({ deps, caller }) => {
      await audit({ deps, tenant: null, caller }, "remove", "access");
      if (!(await deps.installation.remove("access"))) throw unset();
      return { status: 204 };
    },
  }),
];

async function accessBody(deps: Pick<IntakeDeps, "installation">): Promise<Access & { updated: string }> {
  const access = await deps.installation.read("access");
  if (!access) throw unset();
  return { ...access.value, updated: iso(access.updated) };
}

function unset(): Problem {
  return new Problem("not-found", "Cloudflare Access is not set up.");
}
