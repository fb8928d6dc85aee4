import { iso } from "../../time/iso";
import * as v from "valibot";
import { siteGates } from "../../domain/gates/model";
import { Problem } from "../../errors";
import { connectSite, disconnectSite } from "../../domain/shop/site/connect";
import { syncView, troubles as troublesOf } from "../../domain/shop/site/queries";
import { finishRemoval } from "../../domain/shop/site/remove";
import { unreadableRows } from "../../domain/shop/sync/unreadable-shape";
import { type SiteView, siteSchema } from "../../tenants/site";
import { smallBody } from "../body";
import { param, route } from "../route";
import { siteShape } from "../setting-shapes";
import { isoTime, listShape } from "../shapes";
import { formerName, outputList } from "../../bounded";

const progressShape = v.object({
  cursor: v.pipe(v.nullable(isoTime), v.description("Everything changed up to here is stored")),
  lastSuccess: v.nullable(isoTime),
  lag: v.pipe(v.nullable(v.number()), v.description("Seconds between the cursor and now")),
  count: v.pipe(v.number(), v.description("Stored; counted up to 100,000")),
});

const syncHealth = {
  paused: v.nullable(v.object({ reason: v.string(), since: v.nullable(isoTime), nextTryAt: v.nullable(isoTime) })),
  lastError: v.pipe(
    v.nullable(v.object({ at: v.nullable(isoTime), reason: v.string() })),
    v.description("Why the newest run could not go on; null once a call succeeded"),
  ),
};

const healthy = { paused: null, lastError: null };

const syncShape = v.object({
  ...syncHealth,
  orders: v.object({ ...progressShape.entries, deleted: v.number() }),
  products: v.object({ ...progressShape.entries, deleted: v.number() }),
  unreadable: v.pipe(
    v.object({ count: v.number(), newest: unreadableRows }),
    v.description("Rows of the shop that could not be read completely; each run reads them again"),
  ),
  warnings: v.pipe(outputList(v.string()), v.description("Details that the syncs go without, such as a permission that the key lacks")),
  timezone: v.nullable(v.string()),
  timeZone: formerName("timezone", v.nullable(v.string())),
  eventsPending: v.number(),
});

export const sitesShape = listShape("sites", v.object({ ...siteShape.entries, ...syncHealth }));

export const siteDetailShape = v.object({ ...siteShape.entries, sync: syncShape });

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
      const site = found(await deps.sites.get(tenant, name));
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
      if (!was) throw notThere();
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
      found(await deps.sites.get(tenant, name));
      return { status: 200, body: await deps.shops.test(tenant, name) };
    },
  }),
];

function siteBody(site: SiteView) {
  return { ...site, created: iso(site.created), updated: iso(site.updated) };
}

function found<View>(view: View | null): View {
  if (view === null) throw notThere();
  return view;
}

function notThere(): Problem {
  return new Problem("not-found", "There is no such site.");
}
