import { allSql, type DestinationRow, destinationsOf } from "../destinations/queries";
import { latestTime } from "./entity";
import type { EntityState, Fact } from "./model";
import type { RoutingTable } from "./plan";

/** The state of an entity is made of this many of its newest facts. */
const maxFolded = 500;

/** The newest facts of an entity, the oldest of them first. */
export async function factsOf(db: D1Database, tenant: string, entity: string, limit = 200): Promise<Fact[]> {
  return (await newest(db, tenant, entity, limit)).map(factOf);
}

export async function stateOf(db: D1Database, tenant: string, entity: string): Promise<EntityState> {
  const rows = await newest(db, tenant, entity, maxFolded);
  return { data: fold(rows), version: rows[0]?.total ?? 0 };
}

/** Whether the lead has answered since `at`. */
export async function hasAnswered(db: D1Database, tenant: string, entity: string, at: number): Promise<boolean> {
  const row = await db.prepare("SELECT at FROM answers WHERE tenant = ?1 AND entity = ?2").bind(tenant, entity).first<{ at: number }>();
  return row !== null && row.at >= at;
}

/** The routing table of a tenant, in one round trip. */
export async function routingTableOf(db: D1Database, tenant: string): Promise<RoutingTable> {
  const [connections, settings, destinations, subscriptions] = await db.batch<Record<string, unknown>>([
    db.prepare("SELECT name FROM connections WHERE tenant = ?1").bind(tenant),
    db.prepare("SELECT settings ->> '$.events.unknown' AS unknown FROM tenants WHERE tenant = ?1").bind(tenant),
    db.prepare(allSql).bind(tenant),
    db.prepare("SELECT name, events, retired FROM subscriptions WHERE tenant = ?1").bind(tenant),
  ]);
  return {
    connections: new Set((connections?.results ?? []).map(({ name }) => String(name))),
    unknown: settings?.results[0]?.["unknown"] === "store" ? "store" : "refuse",
    destinations: destinationsOf((destinations?.results ?? []) as unknown as DestinationRow[]),
    subscriptions: (subscriptions?.results ?? []).map(({ name, events, retired }) => ({
      name: String(name),
      events: JSON.parse(String(events)) as string[],
      retired: retired === null ? null : String(retired),
    })),
  };
}

type Row = Omit<Fact, "data"> & { data: string; total: number };

const newestSql = `
  SELECT entity, at, event, type, data, (SELECT count(*) FROM facts WHERE tenant = ?1 AND entity = ?2) AS total
  FROM facts WHERE tenant = ?1 AND entity = ?2 ORDER BY at DESC, event DESC LIMIT ?3`;

async function newest(db: D1Database, tenant: string, entity: string, limit: number): Promise<Row[]> {
  const { results } = await db.prepare(newestSql).bind(tenant, entity, limit).all<Row>();
  return results.toReversed();
}

/** An absent field keeps its former value; null clears it. */
function fold(rows: readonly Row[]): Record<string, unknown> {
  return Object.fromEntries(rows.flatMap(({ data }) => Object.entries(JSON.parse(data) as Record<string, unknown>)));
}

function factOf({ entity, at, event, type, data }: Row): Fact {
  // Bounded here: rows from before times had a bound must not make the others unreadable.
  return { entity, at: Math.min(at, latestTime), event, type, data: JSON.parse(data) as Record<string, unknown> };
}
