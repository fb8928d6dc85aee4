import { iso } from "../../time/iso";
import * as v from "valibot";
import { Problem } from "../../errors";
import { type ConnectionView, gatesOf } from "../../tenants/connection";
import { connectionNames, connectionSchemas, isConnectionName } from "../../tenants/connection-schema";
import { smallBody } from "../body";
import { namedRoutes } from "../named-routes";
import { param, route } from "../route";
import { connectionShape } from "../setting-shapes";

const anyConnection = v.union(Object.values(connectionSchemas));

export const settingRoutes = namedRoutes(
  {
    path: "/v1/connections/:name",
    name: "Connection",
    field: "connections",
    noun: "connection",
    summaries: { list: "List the connections", get: "One connection", remove: "Remove a connection" },
    scope: "read",
    shape: connectionShape,
    store: ({ connections }) => connections,
    view: connectionView,
  },
  route("PUT /v1/connections/:name", {
    name: "putConnection",
    summary: "Create or replace a connection; its credentials are never returned",
    description: "`mail`, `slack`, `crm`, `make` or `models`. See docs/mail.md#providers and docs/events.md#destinations.",
    scope: "admin",
    body: { schema: anyConnection, schemaFor: connectionSchema, limit: smallBody, outgoing: true },
    answers: { 200: connectionShape },
    handle: async ({ deps, tenant, params, body }) => {
      const { connection } = await deps.connections.put(tenant, param({ params }, "name"), body, deps.now());
      await deps.gates.changed(tenant, gatesOf(connection));
      return { status: 200, body: connectionView(connection) };
    },
  }),
);

/** The name in the path decides which fields a connection has. */
function connectionSchema(params: Readonly<Record<string, string>>): v.GenericSchema {
  const name = param({ params }, "name");
  if (isConnectionName(name)) return connectionSchemas[name];
  throw new Problem("not-found", `There is no such connection; the names are ${connectionNames.join(", ")}.`);
}

function connectionView({ paused, created, updated, ...view }: ConnectionView) {
  const pauses = Object.entries(paused ?? {}).map(([provider, { reason, since }]) => [provider, { reason, since: iso(since) }] as const);
  return { ...view, ...(paused ? { paused: Object.fromEntries(pauses) } : {}), created: iso(created), updated: iso(updated) };
}
