import * as v from "valibot";
import { openApi } from "./openapi";
import { type AnyRoute, openPath, route } from "./route";
import { outputList } from "../bounded";
import { accessRoutes } from "./routes/access";
import { agentRoutes } from "./routes/agents";
import { alertRoutes } from "./routes/alerts";
import { bulkActionRoutes } from "./routes/bulk-actions";
import { campaignRoutes } from "./routes/campaigns";
import { deadLetterRoutes } from "./routes/dead-letters";
import { emailBulkRoutes } from "./routes/email-bulk";
import { enqueueRoutes } from "./routes/enqueue";
import { demoRoutes } from "./routes/demo";
import { destinationRoutes } from "./routes/destinations";
import { eventRoutes } from "./routes/events";
import { failureRoutes } from "./routes/failures";
import { gateRoutes } from "./routes/gates";
import { heartbeatRoutes } from "./routes/heartbeat";
import { installationRoutes } from "./routes/installation";
import { jobRoutes } from "./routes/jobs";
import { leadDataRoutes } from "./routes/lead-data";
import { leadRoutes } from "./routes/leads";
import { mailEventRoutes } from "./routes/mail-events";
import { mediaRoutes } from "./routes/media";
import { operatorRoutes } from "./routes/operators";
import { projectRoutes } from "./routes/projects";
import { purchaseOrderRoutes } from "./routes/purchase-orders";
import { queueRoutes } from "./routes/queues";
import { sampleRoutes } from "./routes/samples";
import { replayRoutes } from "./routes/replays";
import { costRoutes } from "./routes/costs";
import { reportRoutes } from "./routes/report";
import { scheduleRoutes } from "./routes/schedules";
import { settingRoutes } from "./routes/settings";
import { shopRoutes } from "./routes/shop";
import { siteRoutes } from "./routes/sites";
import { suppressionRoutes } from "./routes/suppressions";
import { systemRoutes } from "./routes/system";
import { templateRoutes } from "./routes/templates";
import { tenantRoutes } from "./routes/tenants";
import { unsubscribeRoutes } from "./routes/unsubscribe";
import { webhookRoutes } from "./routes/webhooks";
import { workRoutes } from "./routes/work";
import { workerRoutes } from "./routes/workers";

const describe = route("GET /openapi.json", {
  name: "openapi",
  summary: "This document",
  scope: "public",
  tenant: "none",
  answers: { 200: v.looseObject({ openapi: v.string() }) },
  handle: async ({ deps }) => ({ status: 200, body: openApi(routes, deps.registry.contracts()), headers: { "cache-control": "public, max-age=60" } }),
});

const index = route("GET /v1", {
  name: "index",
  summary: "List all calls, each with its summary",
  scope: "public",
  tenant: "none",
  answers: {
    200: v.object({ openapi: v.string(), dashboard: v.string(), calls: outputList(v.object({ call: v.string(), scope: v.string(), does: v.string() })) }),
  },
  handle: async () => {
    const calls = routes.map(({ method, path, scope, summary }) => ({ call: `${method} ${openPath(path)}`, scope, does: summary }));
    return { status: 200, body: { openapi: "/openapi.json", dashboard: "/", calls }, headers: { "cache-control": "public, max-age=60" } };
  },
});

/** All routes. A path with a literal part precedes one with a parameter in its place. */
export const routes: readonly AnyRoute[] = [
  ...systemRoutes,
  ...installationRoutes,
  describe,
  index,
  ...tenantRoutes,
  ...settingRoutes,
  ...siteRoutes,
  ...shopRoutes,
  ...purchaseOrderRoutes,
  ...webhookRoutes,
  ...templateRoutes,
  ...suppressionRoutes,
  ...mailEventRoutes,
  ...unsubscribeRoutes,
  ...projectRoutes,
  ...leadDataRoutes,
  ...leadRoutes,
  ...mediaRoutes,
  ...demoRoutes,
  ...agentRoutes,
  ...eventRoutes,
  ...destinationRoutes,
  ...enqueueRoutes,
  ...emailBulkRoutes,
  ...campaignRoutes,
  ...bulkActionRoutes,
  ...jobRoutes,
  ...deadLetterRoutes,
  ...replayRoutes,
  ...failureRoutes,
  ...scheduleRoutes,
  ...queueRoutes,
  ...sampleRoutes,
  ...gateRoutes,
  ...alertRoutes,
  ...heartbeatRoutes,
  ...accessRoutes,
  ...operatorRoutes,
  ...reportRoutes,
  ...costRoutes,
  ...workRoutes,
  ...workerRoutes,
];
