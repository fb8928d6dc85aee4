import { isKnown } from "./catalogue";
import { type BuiltIn, builtIn, type Destination, isBuiltIn } from "../destinations/model";
import type { Event } from "./model";
import { refusedBy } from "../destinations/filter";

/** A tenant's settings as the router has them when an event comes in. */
export interface RoutingTable {
  /** Names of the connections the tenant has. */
  connections: ReadonlySet<string>;
  /** What happens to an event of an unknown type. */
  unknown: "refuse" | "store";
  /** Built-in ones first, as the tenant has changed them. */
  destinations: readonly Destination[];
  /** With the types they want. */
  subscriptions: readonly { name: string; events: readonly string[]; retired: string | null }[];
}

/** One line of the plan: a destination to serve, or the reason not to. */
export type PlannedDelivery =
  | { name: string; kind: "built-in" | "destination" | "subscription"; delaySeconds: number }
  | { name: string; kind: "skipped"; reason: string };

/** Where an event goes. Pure; a destination that does not want this type of event has no line. */
export function routesFor(event: Pick<Event, "type" | "data">, table: RoutingTable): PlannedDelivery[] {
  const wanting = table.destinations.filter(({ name, events }) => wants(events, event.type) || (isStore(name) && !isKnown(event.type)));
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
  return { name, kind: isBuiltIn(name) ? "built-in" : "destination", delaySeconds: destination.delaySeconds };
}

/** What costs money or disturbs people. */
const notForTests: readonly string[] = ["email", "crm", "analysis", "follow-up"] satisfies readonly BuiltIn[];

function skipReason({ name, enabled, retired, filter }: Destination, { data }: Pick<Event, "data">, table: RoutingTable): string | undefined {
  if (!enabled) return "switched off by the tenant";
  if (retired !== null) return whyRetired(retired);
  if (data["test"] === true && notForTests.includes(name)) return "a test lead";
  const needed = isBuiltIn(name) ? builtIn[name].connection : null;
  if (needed !== null && !table.connections.has(needed)) return `the tenant has no connection "${needed}"`;
  const field = filter && refusedBy(filter, data);
  return field ? `the filter on "${field}" does not let it through` : undefined;
}

function whyRetired(reason: string): string {
  return `the receiver wants no more until it is set again: ${reason}`;
}

/** An event of an unknown type is only stored, unless a destination names its type. */
function isStore(name: string): boolean {
  return name === "store";
}

function wants(events: readonly string[], type: string): boolean {
  return events.includes(type) || (events.includes("*") && isKnown(type));
}
