import { type AddressRules, checkAddress } from "../address/address";
import { statement } from "../d1";
import { Problem } from "../errors";
import { addressFields, type Connection, type ConnectionName, connectionNames, connectionSchemas, isConnectionName, secretFields } from "./connection-schema";
import type { GateLimits } from "./gate-limits";
import { type MailConnection, mailIssues } from "./mail-connection";
import { checked, invalidProblem, noTenant } from "./names";
import { createSettingsStore, createSettingsTable, type SettingsTable } from "./settings-table";
import type { Section } from "./snapshot";
import type { Changed } from "./tenant";
import type { Vault } from "./vault";

/** A connection as it may be shown: its settings, and of an address that is a secret only the host. */
export interface ConnectionView {
  name: ConnectionName;
  provider: string;
  baseUrl?: string;
  host?: string;
  model?: string;
  collectLog?: boolean;
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
  /** For mail: the providers to try when the first certainly did not accept the mail. */
  fallback?: { provider: string } | { provider: string }[];
  paused?: PausedProviders;
  created: number;
  updated: number;
}

/** By provider: why it is not called until a setting changes, and since when (milliseconds). */
export type PausedProviders = Record<string, { reason: string; since: number }>;

/** `unreadable`: a sealed credential cannot be opened, and the tenant must set it again. */
type OpenedConnection<Name extends ConnectionName> =
  | { ok: true; value: Connection<Name>; paused: PausedProviders; updated: number }
  | { ok: false; reason: "missing" | "unreadable"; detail: string };

declare module "./snapshot" {
  interface SnapshotSections {
    /** By name. */
    connections: Record<string, { provider: string; limits: GateLimits }>;
  }
}

export type ConnectionStore = ReturnType<typeof createConnectionStore>;

export function createConnectionStore(db: D1Database, vault: Vault, rules: AddressRules, changed: Changed) {
  const table = createSettingsTable<Row>({ db, vault, changed }, { table: "connections", key: "name", columns, sealed: { credentials: secretName } });
  return {
    ...createSettingsStore(table, connectionView),
    /** Throws `not-found` for an unknown name or tenant, `invalid` for a wrong body or address. */
    async put(tenant: string, name: string, body: unknown, now: number): Promise<{ connection: ConnectionView; created: boolean }> {
      if (!isConnectionName(name)) throw new Problem("not-found", `There is no connection "${name}"; the names are ${connectionNames.join(", ")}.`);
      const connection = checked(connectionSchemas[name], body);
      const issues = name === "mail" ? mailIssues(connection as MailConnection, rules) : [];
      if (issues.length > 0) throw invalidProblem(issues);
      const row = await write(db, vault, table, tenant, name, withAddresses(connection, rules), now);
      return { connection: connectionView(row), created: row.created === row.updated };
    },
    async open<Name extends ConnectionName>(tenant: string, name: Name): Promise<OpenedConnection<Name>> {
      const row = await table.one(tenant, name);
      if (!row) return { ok: false, reason: "missing", detail: `There is no connection "${name}".` };
      const opened = await vault.open(tenant, secretName(name), row.credentials);
      if (!opened.ok) return { ok: false, reason: "unreadable", detail: `The credentials of connection "${name}" must be set again: ${opened.reason}.` };
      return {
        ok: true,
        value: connectionFrom(row, JSON.parse(opened.text) as Fields) as Connection<Name>,
        paused: row.paused === null ? {} : (JSON.parse(row.paused) as PausedProviders),
        updated: row.updated,
      };
    },
    /** Records that a provider of the connection refuses all calls until a setting changes, or (null) no longer does. */
    async pause(tenant: string, name: ConnectionName, provider: string, paused: { reason: string; since: number } | null): Promise<void> {
      const sql = "UPDATE connections SET paused = nullif(json_patch(coalesce(paused, '{}'), ?3), '{}') WHERE tenant = ?1 AND name = ?2";
      await statement(db, sql, tenant, name, JSON.stringify({ [provider]: paused })).run();
    },
  };
}

/** The gates of a connection: one of its name, and with a fallback a circuit for each of its providers. */
export function gatesOf({ name, provider, fallback }: ConnectionView): string[] {
  if (fallback === undefined || (Array.isArray(fallback) && fallback.length === 0)) return [name];
  const circuits = Array.isArray(fallback) ? [...Array(fallback.length + 1).keys()] : [provider, fallback.provider];
  return [name, ...circuits.map((each) => `${name}-${each}`)];
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

type Settings = Omit<ConnectionView, "name" | "provider" | "paused" | "created" | "updated">;
type Fields = Record<string, unknown>;

interface Row {
  name: ConnectionName;
  provider: string;
  settings: string;
  credentials: string;
  created: number;
  updated: number;
  paused: string | null;
}

const columns = "name, provider, settings, credentials, created, updated, paused";

const putSql = `
  INSERT INTO connections (tenant, ${columns}) SELECT tenant, ?2, ?3, ?4, ?5, ?6, ?6, NULL FROM tenants WHERE tenant = ?1
  ON CONFLICT (tenant, name) DO UPDATE SET
    paused = NULL, provider = excluded.provider, settings = excluded.settings, credentials = excluded.credentials, updated = max(excluded.updated, created + 1)
  RETURNING ${columns}`;

async function write(
  db: D1Database,
  vault: Vault,
  table: SettingsTable<Row>,
  tenant: string,
  name: ConnectionName,
  connection: Connection,
  now: number,
): Promise<Row> {
  const { provider, ...fields } = connection;
  const { settings, credentials } = apart(fields);
  const sealed = await vault.seal(tenant, secretName(name), JSON.stringify(credentials));
  const put = db.prepare(putSql).bind(tenant, name, provider, JSON.stringify(settings), sealed, now);
  const [row] = (await table.write(tenant, put)).results;
  if (!row) throw noTenant(tenant);
  return row;
}

/** Splits settings, which may be shown, from credentials, which may not; those of a fallback as well. */
function apart(fields: Omit<Connection, "provider">): { settings: Settings; credentials: Fields } {
  const { shown, hidden } = split(fields as Fields);
  const fallback = "fallback" in fields && fields.fallback !== undefined ? splitAll(fields.fallback as Fields | Fields[]) : undefined;
  const hook = "url" in fields ? { host: new URL(String(fields.url)).host, signed: "secret" in fields } : {};
  return {
    settings: { ...shown, ...(fallback ? { fallback: fallback.shown as { provider: string } | { provider: string }[] } : {}), ...hook },
    credentials: { ...hidden, ...(fallback ? { fallback: fallback.hidden } : {}) },
  };
}

/** One fallback, or several in their order. */
function splitAll(given: Fields | Fields[]): { shown: Fields | Fields[]; hidden: Fields | Fields[] } {
  if (!Array.isArray(given)) return split(given);
  const parts = given.map(split);
  return { shown: parts.map(({ shown }) => shown), hidden: parts.map(({ hidden }) => hidden) };
}

function split(fields: Fields): { shown: Fields; hidden: Fields } {
  const isSecret = ([key]: [string, unknown]) => (secretFields as readonly string[]).includes(key);
  const entries = Object.entries(fields);
  return { shown: Object.fromEntries(entries.filter((each) => !isSecret(each))), hidden: Object.fromEntries(entries.filter(isSecret)) };
}

/** The connection as it was set, joined from its plain settings and its credentials. */
function connectionFrom({ provider, settings }: Row, credentials: Fields): Fields {
  const plain = JSON.parse(settings) as Fields;
  const fallback = plain["fallback"] ? { fallback: joined(plain["fallback"] as Fields | Fields[], credentials["fallback"] as Fields | Fields[]) } : {};
  if ("url" in credentials) for (const made of ["host", "signed"]) delete plain[made];
  return { provider, ...plain, ...credentials, ...fallback };
}

function joined(shown: Fields | Fields[], hidden: Fields | Fields[]): Fields | Fields[] {
  if (!Array.isArray(shown) || !Array.isArray(hidden)) return { ...(shown as Fields), ...(hidden as Fields) };
  return shown.map((each, index) => ({ ...each, ...hidden[index] }));
}

function withAddresses<C extends Connection>(connection: C, rules: AddressRules): C {
  const unchecked = "fallback" in connection ? connection.fallback : undefined;
  const several = Array.isArray(unchecked) ? unchecked.map((each, index) => withUrls(each, `fallback[${index}].`, rules)) : undefined;
  const fallback = unchecked === undefined ? {} : { fallback: several ?? withUrls(unchecked as Fields, "fallback.", rules) };
  return { ...connection, ...withUrls(connection, "", rules), ...fallback };
}

function withUrls(given: Fields, prefix: string, rules: AddressRules): Fields {
  const checkedUrls = addressFields
    .filter((field) => typeof given[field] === "string")
    .map((field) => {
      const path = `${prefix}${field}`;
      const checked = checkAddress(String(given[field]), rules);
      if (!checked.ok) throw invalidProblem([{ path, message: checked.reason }]);
      if (field === "baseUrl" && (checked.url.search || checked.url.hash)) throw invalidProblem([{ path, message: "must be an address without ? or #" }]);
      return [field, field === "baseUrl" ? checked.url.href.replace(/(?<!\/)\/+$/, "") : checked.url.href];
    });
  return { ...given, ...Object.fromEntries(checkedUrls) };
}

function connectionView({ name, provider, settings, created, updated, paused }: Row): ConnectionView {
  return {
    name,
    provider,
    ...(JSON.parse(settings) as Settings),
    ...(paused === null ? {} : { paused: JSON.parse(paused) as PausedProviders }),
    created,
    updated,
  };
}

function secretName(name: string): string {
  return `connection/${name}`;
}
