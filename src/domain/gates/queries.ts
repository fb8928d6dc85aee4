import { type ConnectionStore, gatesOf } from "../../tenants/connection";
import type { SiteStore } from "../../tenants/site";
import { agentGate } from "../agents/capability";
import { agents } from "../agents/list";
import type { DestinationStore } from "../destinations/store";
import type { SubscriptionStore } from "../subscriptions/store";
import { destinationGate, siteGates, subscriptionGate } from "./model";

/** The highest count. */
const maxCounted = 10_000;

const counts = `
  SELECT g.value AS gate, (SELECT count(*) FROM (SELECT 1 FROM parked p CROSS JOIN jobs j ON j.tenant = p.tenant AND j.id = p.id
    WHERE p.tenant = ?1 AND p.gate = g.value AND j.ended IS NULL LIMIT ${maxCounted})) AS parked
  FROM json_each(?2) g`;

/** How many open jobs are parked at each of these gates. */
export async function parkedCounts(db: D1Database, tenant: string, gates: readonly string[]): Promise<Map<string, number>> {
  const { results } = await db.prepare(counts).bind(tenant, JSON.stringify(gates)).all<{ gate: string; parked: number }>();
  return new Map(results.map(({ gate, parked }) => [gate, parked]));
}

/** Gates at which jobs are parked, without those of pauses. */
export async function gatesWithParked(db: D1Database, tenant: string): Promise<string[]> {
  const { results } = await db.prepare("SELECT gate FROM parked_gates WHERE tenant = ?1 ORDER BY gate").bind(tenant).all<{ gate: string }>();
  return results.map(({ gate }) => gate).filter((gate) => !gate.startsWith("pause/"));
}

interface DependencyStores {
  connections: Pick<ConnectionStore, "list">;
  sites: Pick<SiteStore, "list">;
  subscriptions: Pick<SubscriptionStore, "list">;
  destinations: Pick<DestinationStore, "list">;
}

/** The gates of the systems that a tenant's jobs call. */
export async function dependenciesOf({ connections, sites, subscriptions, destinations }: DependencyStores, tenant: string): Promise<string[]> {
  const all = await Promise.all([connections.list(tenant), sites.list(tenant), subscriptions.list(tenant), destinations.list(tenant)]);
  const [connected, shops, subscribed, addressed] = all;
  return [
    ...connected.flatMap(gatesOf),
    ...(connected.some(({ name }) => name === "models") ? agents.map(({ type }) => agentGate(type)) : []),
    ...shops.flatMap(({ site }) => siteGates(site).slice(0, 1)),
    ...subscribed.map(({ name }) => subscriptionGate(name)),
    ...addressed.filter(({ builtIn }) => !builtIn).map(({ name }) => destinationGate(name)),
  ];
}
