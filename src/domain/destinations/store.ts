import type * as v from "valibot";
import { statement } from "../../d1";
import { type RowBound, hasRoom, maxDestinations, tooManyRows } from "../../tenants/bounds";
import { createSettingsStore, createSettingsTable, type SettingsTable } from "../../tenants/settings-table";
import { builtIn, type builtInSchema, isBuiltInDestination, type ownSchema } from "./model";
import { destinationColumns, type DestinationRow, destinationsOf, type DestinationView, destinationView, unchanged } from "./queries";
import { type EndpointDeps, hostOf, type OpenedEndpoint, openEndpoint, type Retirement, sealEndpoint } from "./sealed-endpoint";

type DestinationBody = v.InferOutput<typeof builtInSchema> | v.InferOutput<typeof ownSchema>;

/** `list` gives the built-in ones first, then the tenant's own by name. `remove` puts a built-in one back to how it was. */
export type DestinationStore = ReturnType<typeof createDestinationStore>;

export function createDestinationStore(deps: EndpointDeps) {
  const { db } = deps;
  const shape = { table: "destinations", key: "name", columns: destinationColumns, sealed: { sealed: secretName }, inSnapshot: false } as const;
  const table = createSettingsTable<DestinationRow>(deps, shape);
  return {
    ...createSettingsStore(table, destinationView),
    /** Creates or replaces, and switches a retired one on. Throws `invalid` for an address that may not be called, and beyond `maxDestinations`. */
    put: (tenant: string, name: string, body: DestinationBody, now: number): Promise<{ destination: DestinationView; created: boolean }> =>
      putDestination(deps, table, tenant, name, body, now),
    list: async (tenant: string) => destinationsOf(await table.all(tenant)),
    get: async (tenant: string, name: string) => {
      const row = await table.one(tenant, name);
      return row ? destinationView(row) : isBuiltInDestination(name) ? unchanged(name) : null;
    },
    open: async (tenant: string, name: string): Promise<OpenedEndpoint> => {
      const row = await table.one(tenant, name);
      if (!row?.sealed) return { ok: false, reason: `there is no destination "${name}" any more` };
      if (row.retired !== null) return { ok: false, reason: row.retired };
      return openEndpoint(deps, tenant, secretName(name), row.sealed);
    },
    /** Switches it off until it is set again, a built-in one also until its connection is. False: it was off already, or was set meanwhile. */
    retire: async (tenant: string, name: string, { reason, since, at }: Retirement): Promise<boolean> => {
      const connection = isBuiltInDestination(name) ? builtIn[name].connection : null;
      const statement =
        connection === null
          ? db.prepare(retireOwnSql).bind(tenant, name, reason, at, since)
          : db.prepare(retireBuiltInSql).bind(tenant, name, reason, at, since, connection);
      return (await statement.run()).meta.changes > 0;
    },
  };
}

const bound: RowBound = {
  table: "destinations",
  key: "name",
  max: maxDestinations,
  what: "destinations of its own; remove one first",
  counted: "sealed IS NOT NULL",
};

// A PUT without an address removes the stored one.
const putSql = `
  INSERT INTO destinations (tenant, ${destinationColumns}) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULL, NULL, ?9, ?9
  WHERE ?8 IS NULL OR ${hasRoom(bound)}
  ON CONFLICT (tenant, name) DO UPDATE SET enabled = excluded.enabled, events = excluded.events, filter = excluded.filter, delay = excluded.delay,
    host = excluded.host, sealed = excluded.sealed, retired = NULL, retired_at = NULL, updated = max(excluded.updated, created + 1)
  RETURNING ${destinationColumns}`;

const retireOwnSql = `
  UPDATE destinations SET retired = ?3, retired_at = ?4
  WHERE tenant = ?1 AND name = ?2 AND sealed IS NOT NULL AND retired IS NULL AND updated < ?5`;

// A built-in one has no row until it is changed.
const retireBuiltInSql = `
  INSERT INTO destinations (tenant, ${destinationColumns})
  SELECT ?1, ?2, 1, NULL, NULL, NULL, NULL, NULL, ?3, ?4, ?4, ?4 FROM connections WHERE tenant = ?1 AND name = ?6 AND updated < ?5
  ON CONFLICT (tenant, name) DO UPDATE SET retired = excluded.retired, retired_at = excluded.retired_at WHERE retired IS NULL AND updated < ?5`;

async function putDestination(deps: EndpointDeps, table: SettingsTable<DestinationRow>, tenant: string, name: string, body: DestinationBody, now: number) {
  const hook = "url" in body ? { url: body.url, secret: body.secret } : undefined;
  const host = hook ? hostOf(hook.url, deps.rules) : null;
  const before = hook ? await table.one(tenant, name) : null;
  const sealed = hook ? await sealEndpoint(deps, tenant, secretName(name), hook, { before: before?.sealed ?? null, now }) : null;
  const values = [body.enabled ? 1 : 0, json(body.events), json(body.filter), body.delaySeconds ?? null, host, sealed];
  const row = await statement(deps.db, putSql, tenant, name, ...values, now).first<DestinationRow>();
  if (!row) throw tooManyRows(bound);
  return { destination: destinationView(row), created: row.created === row.updated };
}

function json(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

function secretName(name: string): string {
  return `destination/${name}`;
}
