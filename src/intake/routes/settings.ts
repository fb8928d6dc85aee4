import * as v from "valibot";
import { Problem } from "../../errors";
import { gatesOf } from "../../tenants/connection";
import { connectionNames, connectionSchemas, isConnectionName } from "../../tenants/connection-schema";
import { smallBody } from "../body";
import { param, route } from "../route";
import { connectionShape, listShape } from "../shapes";
import { iso } from "../views";

const anyConnection = v.union(Object.values(connectionSchemas));

export const settingRoutes = [
  route("PUT /v1/connections/:name", {
    name: "putConnection",
    summary: "Create or replace a connection; its credentials are never returned",
    description: "`mail`, `slack`, `crm`, `make` or `models`. See docs/mail.md#providers and docs/events.md#destinations.",
    scope: "admin",
    tenant: "own",
    body: { schema: anyConnection, schemaFor: connectionSchema, limit: smallBody, outgoing: true },
    answers: { 200: connectionShape },
    handle: async ({ deps, tenant, params, body }) => {
      const { connection } = await deps.connections.put(tenant, param({ params }, "name"), body, deps.now());
      await deps.gates.changed(tenant, gatesOf(connection));
      return { status: 200, body: dated(connection) };
    },
  }),
  route("GET /v1/connections", {
    name: "listConnections",
    summary: "List the connections",
    scope: "read",
    tenant: "own",
    answers: { 200: listShape("connections", connectionShape) },
    handle: async ({ deps, tenant }) => ({ status: 200, body: { connections: (await deps.connections.list(tenant)).map(dated) } }),
  }),
  route("GET /v1/connections/:name", {
    name: "getConnection",
    summary: "One connection",
    scope: "read",
    tenant: "own",
    answers: { 200: connectionShape },
    handle: async ({ deps, tenant, params }) => ({ status: 200, body: dated(found(await deps.connections.get(tenant, param({ params }, "name")))) }),
  }),
  route("DELETE /v1/connections/:name", {
    name: "deleteConnection",
    summary: "Remove a connection",
    scope: "admin",
    tenant: "own",
    answers: { 204: null },
    handle: async ({ deps, tenant, params }) => removed(await deps.connections.remove(tenant, param({ params }, "name"))),
  }),
];

/** Which fields a connection has depends on the name in its path. */
function connectionSchema(params: Readonly<Record<string, string>>): v.GenericSchema {
  const name = param({ params }, "name");
  if (isConnectionName(name)) return connectionSchemas[name];
  throw new Problem("not-found", `There is no such connection; the names are ${connectionNames.join(", ")}.`);
}

function dated<View extends { created: number; updated: number }>(view: View) {
  return { ...view, created: iso(view.created), updated: iso(view.updated) };
}

function found<View>(view: View | null): View {
  if (view === null) throw new Problem("not-found", "There is no such thing.");
  return view;
}

function removed(was: boolean) {
  if (!was) throw new Problem("not-found", "There is no such thing.");
  return { status: 204 };
}
