import { isKnown } from "./catalogue";
import { type BuiltIn, builtIn, type Destination, isBuiltInDestination } from "../destinations/model";
import type { Event } from "./model";
import { refusedBy } from "../destinations/filter";

/** A tenant's settings for routing an event. */
export interface RoutingTable {
  /** Names of the tenant's connections. */
  connections: ReadonlySet<string>;
  unknown: "refuse" | "store";
  /** Built-in ones first, with the tenant's changes. */
  destinations: readonly Destination[];
  /** Subscriptions with their types of events. */
  subscriptions: readonly { name: string; events: readonly string[]; retired: string | null }[];
}

/** A destination to deliver to, or the reason to skip it. */
export type PlannedDelivery =
  | { name: string; kind: "built-in" | "destination" | "subscription"; delaySeconds: number }
  | { name: string; kind: "skipped"; reason: string };

/** The deliveries of an event. A destination that does not take its type has none. Pure. */
export function routesFor(event: Pick<Event, "type" | "data">, table: RoutingTable): PlannedDelivery[] {
  const wanting = table.destinations.filter(({ name, events }) => wants(events, event.type) || (name === "store" && !isKnown(event.type)));
  const subscribed = table.subscriptions.filter(({ events }) => wants(events, event.type));
  return [
    ...wanting.map((destination) => routeFor(destination, event, table)),
    ...subscribed.map(({ name, retired }) => {
      const line = { name: `subscription:${name}` };
      return retired === null
        ? { ...line, kind: "subscription" as const, delaySeconds: 0 }
        : { ...line, kind: "skipped" as const, reason: whyRetired(retired) };
    }),
  ];
}

function routeFor(destination: Destination, event: Pick<Event, "data">, table: RoutingTable): PlannedDelivery {
  const { name } = destination;
  const reason = skipReason(destination, event, table);
  if (reason !== undefined) return { name, kind: "skipped", reason };
  return { name, kind: isBuiltInDestination(name) ? "built-in" : "destination", delaySeconds: destination.delaySeconds };
}

/** Destinations that cost money or reach people. */
const notForTests: readonly string[] = ["email", "crm", "analysis", "follow-up"] satisfies readonly BuiltIn[];

function skipReason({ name, enabled, retired, filter }: Destination, { data }: Pick<Event, "data">, table: RoutingTable): string | undefined {
  if (!enabled) return "switched off by the tenant";
  if (retired !== null) return whyRetired(retired);
  if (data["test"] === true && notForTests.includes(name)) return "a test lead";
  const needed = isBuiltInDestination(name) ? builtIn[name].connection : null;
  if (needed !== null && !table.connections.has(needed)) return `the tenant has no connection "${needed}"`;
  const field = filter && refusedBy(filter, data);
  return field ? `the filter on "${field}" does not let it through` : undefined;
}

function whyRetired(reason: string): string {
  return `the receiver wants no more until it is set again: ${reason}`;
}

function wants(events: readonly string[], type: string): boolean {
  return events.includes(type) || (events.includes("*") && isKnown(type));
}
