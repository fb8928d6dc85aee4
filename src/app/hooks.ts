import type { HookTarget, Hooks } from "../providers/hooks/hooks";
import { createHttp } from "../providers/http";
import { webhookTo } from "../providers/hooks/webhook";
import type { CapabilityScope } from "../queue/engine";
import type { Stores } from "./stores";

interface Found {
  url: string;
  secret?: string | undefined;
  dialect: "standard" | "make";
  /** Whose breaker hears of its calls. */
  gate: string;
}

/** A tenant's outgoing hooks; addresses and secrets are looked up when a delivery runs, so that a changed one counts for what waits. */
export function hooksFor(stores: Stores, now: () => number, { onCall }: CapabilityScope, tenant: string): Hooks {
  return {
    open: async (target) => {
      const found = await find(stores, tenant, target);
      if ("missing" in found) return found;
      const { gate, ...options } = found;
      return webhookTo({ ...options, http: createHttp({ rules: stores.rules, onCall: (call) => onCall(gate, call) }), now });
    },
    retire: async ({ destination, subscription }, reason) => {
      if (destination !== undefined) await stores.destinations.retire(tenant, destination, reason);
      if (subscription !== undefined) await stores.subscriptions.retire(tenant, subscription, reason);
    },
  };
}

async function find(stores: Stores, tenant: string, target: HookTarget): Promise<Found | { missing: string }> {
  const { connection, destination, subscription, url } = target;
  if (connection !== undefined) return ofConnection(stores, tenant, connection);
  if (destination !== undefined) return ofSetting(await stores.destinations.open(tenant, destination), `destination-${destination}`);
  if (subscription !== undefined) return ofSetting(await stores.subscriptions.open(tenant, subscription), `subscription-${subscription}`);
  return url === undefined ? { missing: "it names no receiver" } : { url, dialect: "standard", gate: `hook-${URL.parse(url)?.host ?? ""}` };
}

async function ofConnection(stores: Stores, tenant: string, name: "make"): Promise<Found | { missing: string }> {
  const opened = await stores.connections.open(tenant, name);
  if (!opened.ok) return { missing: `the connection "${name}" is ${opened.reason}: ${opened.detail}` };
  const { url, secret } = opened.value;
  return { url, secret, dialect: "make", gate: name };
}

function ofSetting(opened: Awaited<ReturnType<Stores["destinations"]["open"]>>, gate: string): Found | { missing: string } {
  return opened.ok ? { ...opened.value, dialect: "standard", gate } : { missing: opened.reason };
}
