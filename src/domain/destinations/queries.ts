import { builtIn, builtInNames, type Destination, followUpAfterSeconds, isBuiltInDestination } from "./model";

/** A destination as it may be shown: of its address only the host. Times in milliseconds; null for an unchanged built-in one. */
export interface DestinationView extends Destination {
  builtIn: boolean;
  host: string | null;
  retiredAt: number | null;
  created: number | null;
  updated: number | null;
}

/** Built-in ones with the tenant's changes, then its own. */
export function destinationsOf(rows: readonly DestinationRow[]): DestinationView[] {
  const changed = new Map(rows.map((row) => [row.name, destinationView(row)]));
  const own = [...changed.values()].filter((each) => !each.builtIn);
  return [...builtInNames.map((name) => changed.get(name) ?? unchanged(name)), ...own];
}

export interface DestinationRow {
  name: string;
  enabled: number;
  events: string | null;
  filter: string | null;
  delay: number | null;
  host: string | null;
  sealed: string | null;
  retired: string | null;
  retired_at: number | null;
  created: number;
  updated: number;
}

export const destinationColumns = "name, enabled, events, filter, delay, host, sealed, retired, retired_at, created, updated";
export const allSql = `SELECT ${destinationColumns} FROM destinations WHERE tenant = ?1 ORDER BY name`;

export function destinationView(row: DestinationRow): DestinationView {
  const base = isBuiltInDestination(row.name) ? unchanged(row.name) : null;
  return {
    name: row.name,
    builtIn: base !== null,
    enabled: row.enabled === 1,
    events: row.events ? (JSON.parse(row.events) as string[]) : (base?.events ?? []),
    filter: row.filter ? (JSON.parse(row.filter) as Destination["filter"]) : null,
    delaySeconds: row.delay ?? base?.delaySeconds ?? 0,
    host: row.host,
    retired: row.retired,
    retiredAt: row.retired_at,
    created: row.created,
    updated: row.updated,
  };
}

/** A built-in destination without changes. */
export function unchanged(name: keyof typeof builtIn): DestinationView {
  const delaySeconds = name === "follow-up" ? followUpAfterSeconds : 0;
  const { events } = builtIn[name];
  const never = { filter: null, host: null, retired: null, retiredAt: null, created: null, updated: null };
  return { name, builtIn: true, enabled: true, events, delaySeconds, ...never };
}

/** Names of a tenant's own destinations that can be sent to: with an address, and not retired. */
export async function sendableDestinations(db: D1Database, tenant: string): Promise<string[]> {
  const sql = "SELECT name FROM destinations WHERE tenant = ?1 AND sealed IS NOT NULL AND retired IS NULL";
  return (await db.prepare(sql).bind(tenant).all<{ name: string }>()).results.map(({ name }) => name);
}
