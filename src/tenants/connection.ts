import { Problem } from "../errors";
import { type AddressRules, checkAddress } from "../domain/address/address";
import { addressFields, type Connection, type ConnectionName, connectionNames, connectionSchemas, isConnectionName, secretFields } from "./connection-schema";
import type { GateLimits } from "./gate-state";
import { checked, invalid, noTenant } from "./names";
import type { Section } from "./snapshot";
import { type Changed, raiseVersion } from "./tenant";
import type { Vault } from "./vault";

/** A connection as it may be shown: its settings, and of an address that is a secret only the host. */
export interface ConnectionView {
  name: ConnectionName;
  provider: string;
  baseUrl?: string;
  host?: string;
  model?: string;
  maxTokens?: number;
  temperature?: number;
  tokensParameter?: string;
  responseFormat?: string;
  timeoutSeconds?: number;
  from?: string;
  replyTo?: string;
  limits?: GateLimits;
  /** Whether a signing secret is set, where there can be one. */
  signed?: boolean;
  created: number;
  updated: number;
}

/** A sealed credential that cannot be read is the tenant's to set again: `unreadable`, with why. */
export type OpenedConnection<Name extends ConnectionName> =
  | { ok: true; value: Connection<Name> }
  | { ok: false; reason: "missing" | "unreadable"; detail: string };

declare module "./snapshot" {
  interface SnapshotSections {
    /** By name. */
    connections: Record<string, { provider: string; limits: GateLimits }>;
  }
}

export interface ConnectionStore {
  /** Throws `not-found` for an unknown name or tenant, `invalid` for a wrong body or address. */
  put(tenant: string, name: string, body: unknown, now: number): Promise<{ connection: ConnectionView; created: boolean }>;
  get(tenant: string, name: string): Promise<ConnectionView | null>;
  list(tenant: string): Promise<ConnectionView[]>;
  remove(tenant: string, name: string): Promise<boolean>;
  open<Name extends ConnectionName>(tenant: string, name: Name): Promise<OpenedConnection<Name>>;
  /** Seals anew what an older key sealed, up to `most` (default: all); returns how many connections. One changed meanwhile is left for the next time. */
  rotate(tenant: string, most?: number): Promise<number>;
}

export function createConnectionStore(db: D1Database, vault: Vault, rules: AddressRules, changed: Changed): ConnectionStore {
  const one = (tenant: string, name: string) =>
    db.prepare(`SELECT ${columns} FROM connections WHERE tenant = ?1 AND name = ?2`).bind(tenant, name).first<Row>();
  const all = async (tenant: string) =>
    (await db.prepare(`SELECT ${columns} FROM connections WHERE tenant = ?1 ORDER BY name`).bind(tenant).all<Row>()).results;
  return {
    async put(tenant, name, body, now) {
      if (!isConnectionName(name)) throw new Problem("not-found", `There is no connection "${name}"; the names are ${connectionNames.join(", ")}.`);
      const row = await write(db, vault, tenant, name, withAddresses(checked(connectionSchemas[name], body), rules), now);
      await changed(tenant);
      return { connection: viewOf(row), created: row.created === row.updated };
    },
    async get(tenant, name) {
      const row = await one(tenant, name);
      return row && viewOf(row);
    },
    list: async (tenant) => (await all(tenant)).map(viewOf),
    async remove(tenant, name) {
      const remove = db.prepare("DELETE FROM connections WHERE tenant = ?1 AND name = ?2").bind(tenant, name);
      const [removed] = await db.batch([remove, raiseVersion(db, tenant)]);
      await changed(tenant);
      return (removed?.meta.changes ?? 0) > 0;
    },
    async open<Name extends ConnectionName>(tenant: string, name: Name): Promise<OpenedConnection<Name>> {
      const row = await one(tenant, name);
      if (!row) return { ok: false, reason: "missing", detail: `There is no connection "${name}".` };
      const opened = await vault.open(tenant, sealedName(name), row.credentials);
      if (!opened.ok) return { ok: false, reason: "unreadable", detail: `The credentials of connection "${name}" must be set again: ${opened.reason}.` };
      const { host: _, signed: __, ...settings } = JSON.parse(row.settings) as Settings;
      return { ok: true, value: { provider: row.provider, ...settings, ...JSON.parse(opened.text) } as Connection<Name> };
    },
    async rotate(tenant, most = Infinity) {
      let done = 0;
      for (const row of await all(tenant)) if (done < most && (await reseal(db, vault, tenant, row))) done++;
      return done;
    },
  };
}

/** For the snapshot: the limits of each connection's gate. */
export const connectionSection: Section<"connections"> = {
  name: "connections",
  read: (db, tenant) => db.prepare("SELECT name, provider, settings FROM connections WHERE tenant = ?1 ORDER BY name").bind(tenant),
  shape: (rows) =>
    Object.fromEntries(
      rows.map(({ name, provider, settings }) => [
        String(name),
        { provider: String(provider), limits: (JSON.parse(String(settings)) as Settings).limits ?? {} },
      ]),
    ),
};

type Settings = Omit<ConnectionView, "name" | "provider" | "created" | "updated">;

interface Row {
  name: ConnectionName;
  provider: string;
  settings: string;
  credentials: string;
  created: number;
  updated: number;
}

const columns = "name, provider, settings, credentials, created, updated";

const putSql = `
  INSERT INTO connections (tenant, ${columns}) SELECT tenant, ?2, ?3, ?4, ?5, ?6, ?6 FROM tenants WHERE tenant = ?1
  ON CONFLICT (tenant, name) DO UPDATE SET
    provider = excluded.provider, settings = excluded.settings, credentials = excluded.credentials, updated = max(excluded.updated, created + 1)
  RETURNING ${columns}`;

async function write(db: D1Database, vault: Vault, tenant: string, name: ConnectionName, connection: Connection, now: number): Promise<Row> {
  const { provider, ...fields } = connection;
  const { settings, credentials } = apart(fields);
  const sealed = await vault.seal(tenant, sealedName(name), JSON.stringify(credentials));
  const put = db.prepare(putSql).bind(tenant, name, provider, JSON.stringify(settings), sealed, now);
  const [written] = await db.batch<Row>([put, raiseVersion(db, tenant)]);
  const row = written?.results[0];
  if (!row) throw noTenant(tenant);
  return row;
}

/** The settings that may be shown, and the credentials that may not. */
function apart(fields: Omit<Connection, "provider">): { settings: Settings; credentials: Record<string, unknown> } {
  const isSecret = (key: string) => (secretFields as readonly string[]).includes(key);
  const entries = Object.entries(fields);
  const shown = Object.fromEntries(entries.filter(([key]) => !isSecret(key)));
  const hook = "url" in fields ? { host: new URL(String(fields.url)).host, signed: "secret" in fields } : {};
  return { settings: { ...shown, ...hook }, credentials: Object.fromEntries(entries.filter(([key]) => isSecret(key))) };
}

function withAddresses<C extends Connection>(connection: C, rules: AddressRules): C {
  const given = connection as Record<string, unknown>;
  const checkedUrls = addressFields
    .filter((field) => typeof given[field] === "string")
    .map((field) => {
      const verdict = checkAddress(String(given[field]), rules);
      if (!verdict.ok) throw invalid([{ path: field, message: verdict.reason }]);
      if (field === "baseUrl" && (verdict.url.search || verdict.url.hash)) throw invalid([{ path: field, message: "must be an address without ? or #" }]);
      return [field, field === "baseUrl" ? verdict.url.href.replace(/\/+$/, "") : verdict.url.href];
    });
  return { ...connection, ...Object.fromEntries(checkedUrls) };
}

async function reseal(db: D1Database, vault: Vault, tenant: string, row: Row): Promise<boolean> {
  const sealed = await vault.reseal(tenant, sealedName(row.name), row.credentials);
  if (!sealed) return false;
  const { meta } = await db
    .prepare("UPDATE connections SET credentials = ?3 WHERE tenant = ?1 AND name = ?2 AND credentials = ?4")
    .bind(tenant, row.name, sealed, row.credentials)
    .run();
  return meta.changes > 0;
}

function viewOf({ name, provider, settings, created, updated }: Row): ConnectionView {
  return { name, provider, ...(JSON.parse(settings) as Settings), created, updated };
}

function sealedName(name: string): string {
  return `connection/${name}`;
}
