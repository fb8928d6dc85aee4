import { type ConnectionStore, gatesOf } from "../../tenants/connection";
import type { SiteStore } from "../../tenants/site";
import { agentGate } from "../agents/capability";
import { agents } from "../agents/list";
import type { DestinationStore } from "../destinations/store";
import type { SubscriptionStore } from "../subscriptions/store";
import { destinationGate, siteGates, subscriptionGate } from "./model";

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
