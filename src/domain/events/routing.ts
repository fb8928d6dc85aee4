import { allSql, type DestinationRow, destinationsOf } from "./destinations";
import type { Routing } from "./plan";

/** The router's knowledge, read in one round trip. */
export function createRouting(db: D1Database): Routing {
  return {
    of: async (tenant) => {
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
    },
  };
}
