import { withIso } from "../../time/iso";
import * as v from "valibot";
import { siteGates } from "../../domain/gates/model";
import { Problem } from "../../errors";
import { connectSite, disconnectSite } from "../../domain/shop/site/connect";
import { syncHealth, syncShape } from "../../domain/shop/site/model";
import { syncView, troubles as troublesOf } from "../../domain/shop/site/queries";
import { finishRemoval } from "../../domain/shop/site/remove";
import { type SiteView, siteSchema } from "../../tenants/site";
import { smallBody } from "../body";
import { found, notFound } from "../problem";
import { param, route } from "../route";
import { siteShape } from "../setting-shapes";
import { listShape } from "../shapes";
import { formerName, outputList } from "../../bounded";

export const sitesShape = listShape("sites", v.object({ ...siteShape.entries, ...syncHealth.entries }));

export const siteDetailShape = v.object({ ...siteShape.entries, sync: syncShape });

const healthy = { paused: null, lastError: null };

const testShape = v.variant("ok", [
  v.object({
    ok: v.literal(true),
    version: v.nullable(v.string()),
    timezone: v.string(),
    timeZone: formerName("timezone", v.string()),
    warnings: outputList(v.string()),
  }),
  v.object({ ok: v.literal(false), reason: v.string(), class: v.string() }),
]);

export const siteRoutes = [
  route("PUT /v1/sites/:site", {
    name: "putSite",
    summary: "Create or replace a shop; its key is never returned. Ends a pause and gives a new shop its schedules",
    description: "`keyIn` says where the shop's key travels: in the `header`, or in the `address` for a server that drops the header.",
    scope: "admin",
    body: { schema: siteSchema, limit: smallBody, outgoing: true },
    answers: { 200: siteShape },
    problems: [409],
    handle: async ({ deps, tenant, params, body }) => {
      const name = param({ params }, "site");
      const before = await deps.sites.get(tenant, name);
      if (!(await finishRemoval({ db: deps.db, tenant, site: name })))
        throw new Problem("conflict", "The site of that name is still being removed: put it again in a minute.");
      const { site } = await deps.sites.put(tenant, name, body, deps.now());
      await deps.gates.changed(tenant, siteGates(name));
      await connectSite(
        { schedules: deps.schedules, wake: deps.shops.wake },
        { db: deps.db, tenant, site: name },
        before !== null && before.url !== site.url,
        deps.now(),
      );
      return { status: 200, body: siteBody(site) };
    },
  }),
  route("GET /v1/sites", {
    name: "listSites",
    summary: "List the shops",
    scope: "read",
    answers: { 200: sitesShape },
    handle: async ({ deps, tenant }) => {
      const [sites, troubles] = await Promise.all([deps.sites.list(tenant), troublesOf(deps.db, tenant)]);
      return { status: 200, body: { sites: sites.map((site) => ({ ...siteBody(site), ...(troubles.get(site.site) ?? healthy) })) } };
    },
  }),
  route("GET /v1/sites/:site", {
    name: "getSite",
    summary: "One shop with the state of its syncs",
    description: "Cursor, lag and counts of each sync, and why it is paused.",
    scope: "read",
    answers: { 200: siteDetailShape },
    handle: async ({ deps, tenant, params }) => {
      const name = param({ params }, "site");
      const site = found(await deps.sites.get(tenant, name), "site");
      return { status: 200, body: { ...siteBody(site), sync: await syncView({ db: deps.db, tenant, site: name }, deps.now()) } };
    },
  }),
  route("DELETE /v1/sites/:site", {
    name: "deleteSite",
    summary: "Remove a shop with its schedules and all that was read from it, purchase orders too",
    scope: "admin",
    answers: { 204: null },
    handle: async ({ deps, tenant, params }) => {
      const name = param({ params }, "site");
      const was = await deps.sites.remove(tenant, name);
      // Completes the removal that an earlier request did not finish.
      await disconnectSite(deps, { db: deps.db, tenant, site: name }, deps.now());
      if (!was) throw notFound("site");
      return { status: 204 };
    },
  }),
  route("POST /v1/sites/:site/test", {
    name: "testSite",
    summary: "Test the shop's address, key and permissions; ends a pause when all are right",
    description: "Names the permission that the key lacks.",
    scope: "operate",
    answers: { 200: testShape },
    problems: [503],
    handle: async ({ deps, tenant, params }) => {
      const name = param({ params }, "site");
      found(await deps.sites.get(tenant, name), "site");
      return { status: 200, body: await deps.shops.test(tenant, name) };
    },
  }),
];

function siteBody(site: SiteView) {
  return withIso(site, "created", "updated");
}
