import type { HookTarget } from "../../providers/hooks/hooks";
import type { ConnectionStore } from "../../tenants/connection";
import { destinationGate, subscriptionGate } from "../gates/model";
import type { DestinationStore } from "./store";
import type { Retired } from "./retire";
import { signingSecrets } from "./sealed-endpoint";
import type { SubscriptionStore } from "../subscriptions/store";

/** Where a tenant's outgoing webhook goes. */
interface Receiver {
  url: string;
  /** The current secret first. */
  secrets: readonly string[];
  dialect: "standard" | "make";
  /** The gate whose circuit breaker counts its calls. */
  gate: string;
  /** The setting to switch off when the receiver is gone. None for a connection, whose dead letters must stay visible, or a plain address. */
  setting?: Retired;
}

export interface ReceiverStores {
  connections: Pick<ConnectionStore, "open">;
  destinations: Pick<DestinationStore, "open">;
  subscriptions: Pick<SubscriptionStore, "open">;
}

/** Reads address and secrets when a delivery runs, so that a changed setting applies to waiting deliveries. Throws when the settings cannot be read. */
export async function findReceiver(
  stores: ReceiverStores,
  tenant: string,
  { connection, destination, subscription, url }: HookTarget,
  now: number,
): Promise<Receiver | { missing: string }> {
  if (connection !== undefined) return ofConnection(stores, tenant, connection);
  if (destination !== undefined) return ofSetting({ destination }, destinationGate(destination), await stores.destinations.open(tenant, destination), now);
  if (subscription !== undefined)
    return ofSetting({ subscription }, subscriptionGate(subscription), await stores.subscriptions.open(tenant, subscription), now);
  return url === undefined ? { missing: "it names no receiver" } : { url, secrets: [], dialect: "standard", gate: `hook-${URL.parse(url)?.host ?? ""}` };
}

async function ofConnection({ connections }: ReceiverStores, tenant: string, name: "make"): Promise<Receiver | { missing: string }> {
  const opened = await connections.open(tenant, name);
  if (!opened.ok) return { missing: `the connection "${name}" is ${opened.reason}: ${opened.detail}` };
  const { url, secret } = opened.value;
  return { url, secrets: secret === undefined ? [] : [secret], dialect: "make", gate: name };
}

function ofSetting(setting: Retired, gate: string, opened: Awaited<ReturnType<DestinationStore["open"]>>, now: number): Receiver | { missing: string } {
  if (!opened.ok) return { missing: opened.reason };
  return { url: opened.value.url, secrets: signingSecrets(opened.value, now), dialect: "standard", gate, setting };
}
