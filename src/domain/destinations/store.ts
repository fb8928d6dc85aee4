import type * as v from "valibot";
import { type Bound, hasRoom, maxDestinations, tooMany } from "../../tenants/bounds";
import { createSettingsTable, type SettingsTable } from "../../tenants/settings-table";
import { builtIn, type builtInSchema, isBuiltIn, type ownSchema } from "./model";
import { columns, type DestinationRow, destinationsOf, type DestinationView, destinationView, unchanged } from "./queries";
import { type EndpointDeps, hostOf, type OpenedEndpoint, openEndpoint, type Retirement, sealEndpoint } from "./sealed-endpoint";

export type DestinationBody = v.InferOutput<typeof builtInSchema> | v.InferOutput<typeof ownSchema>;

export interface DestinationStore {
  /** Creates or replaces; a retired one is in use again. Throws `invalid` for an address that may not be called, and beyond `maxDestinations`. */
  put(tenant: string, name: string, body: DestinationBody, now: number): Promise<{ destination: DestinationView; created: boolean }>;
  /** Built-in ones first, then the tenant's own by name. */
  list(tenant: string): Promise<DestinationView[]>;
  get(tenant: string, name: string): Promise<DestinationView | null>;
  /** A built-in one is as built in again. False: it was not changed, or not there. */
  remove(tenant: string, name: string): Promise<boolean>;
  open(tenant: string, name: string): Promise<OpenedEndpoint>;
  /** Serves it no more until it is set again, a built-in one also until its connection is. False: it was already, or was set meanwhile. */
  retire(tenant: string, name: string, retirement: Retirement): Promise<boolean>;
  /** Seals anew what an older key of the vault sealed, up to `most`; returns how many. */
  rotate(tenant: string, max: number): Promise<number>;
}

export function createDestinationStore(deps: EndpointDeps): DestinationStore {
  const { db } = deps;
  const table = tableIn(deps);
  return {
    put: (tenant, name, body, now) => putDestination(deps, table, tenant, name, body, now),
    list: async (tenant) => destinationsOf(await table.all(tenant)),
    get: async (tenant, name) => {
      const row = await table.one(tenant, name);
      return row ? destinationView(row) : isBuiltIn(name) ? unchanged(name) : null;
    },
    remove: table.remove,
    open: async (tenant, name) => {
      const row = await table.one(tenant, name);
      if (!row?.sealed) return { ok: false, reason: `there is no destination "${name}" any more` };
      if (row.retired !== null) return { ok: false, reason: row.retired };
      return openEndpoint(deps, tenant, sealedName(name), row.sealed);
    },
    retire: async (tenant, name, { reason, since, at }) => {
      const connection = isBuiltIn(name) ? builtIn[name].connection : null;
      const statement =
        connection === null
          ? db.prepare(retireOwnSql).bind(tenant, name, reason, at, since)
          : db.prepare(retireBuiltInSql).bind(tenant, name, reason, at, since, connection);
      return (await statement.run()).meta.changes > 0;
    },
    rotate: table.rotate,
  };
}

const bound: Bound = {
  table: "destinations",
  key: "name",
  max: maxDestinations,
  what: "destinations of its own; remove one first",
  counted: "sealed IS NOT NULL",
};

// A replaced address that is not named again is gone: a PUT replaces.
const putSql = `
  INSERT INTO destinations (tenant, ${columns}) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULL, NULL, ?9, ?9
  WHERE ?8 IS NULL OR ${hasRoom(bound)}
  ON CONFLICT (tenant, name) DO UPDATE SET enabled = excluded.enabled, events = excluded.events, filter = excluded.filter, delay = excluded.delay,
    host = excluded.host, sealed = excluded.sealed, retired = NULL, retired_at = NULL, updated = max(excluded.updated, created + 1)
  RETURNING ${columns}`;

const retireOwnSql = `
  UPDATE destinations SET retired = ?3, retired_at = ?4
  WHERE tenant = ?1 AND name = ?2 AND sealed IS NOT NULL AND retired IS NULL AND updated < ?5`;

// A built-in one has no row until something about it is changed.
const retireBuiltInSql = `
  INSERT INTO destinations (tenant, ${columns})
  SELECT ?1, ?2, 1, NULL, NULL, NULL, NULL, NULL, ?3, ?4, ?4, ?4 FROM connections WHERE tenant = ?1 AND name = ?6 AND updated < ?5
  ON CONFLICT (tenant, name) DO UPDATE SET retired = excluded.retired, retired_at = excluded.retired_at WHERE retired IS NULL AND updated < ?5`;

function tableIn(deps: EndpointDeps): SettingsTable<DestinationRow> {
  return createSettingsTable<DestinationRow>(deps, { table: "destinations", key: "name", columns, sealed: { sealed: sealedName }, inSnapshot: false });
}

async function putDestination(deps: EndpointDeps, table: SettingsTable<DestinationRow>, tenant: string, name: string, body: DestinationBody, now: number) {
  const { db } = deps;
  const hook = "url" in body ? { url: body.url, secret: body.secret } : undefined;
  const host = hook ? hostOf(hook.url, deps.rules) : null;
  const before = hook ? await table.one(tenant, name) : null;
  const sealed = hook ? await sealEndpoint(deps, tenant, sealedName(name), hook, { before: before?.sealed ?? null, now }) : null;
  const values = [body.enabled ? 1 : 0, json(body.events), json(body.filter), body.delaySeconds ?? null, host, sealed];
  const row = await db
    .prepare(putSql)
    .bind(tenant, name, ...values, now)
    .first<DestinationRow>();
  if (!row) throw tooMany(bound);
  return { destination: destinationView(row), created: row.created === row.updated };
}

function json(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

function sealedName(name: string): string {
  return `destination/${name}`;
}
