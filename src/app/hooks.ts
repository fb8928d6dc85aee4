import { signingSecrets } from "../domain/events/sealed-endpoint";
import { destinationGate, subscriptionGate } from "../domain/gates/model";
import type { Hooks, HookTarget } from "../providers/hooks/hooks";
import { webhookTo } from "../providers/hooks/webhook";
import { createHttp } from "../providers/http";
import type { CapabilityScope } from "../queue/engine";
import { retire, type RetireDeps, type Retired } from "../domain/events/retire";
import { traceFrom } from "../trace";
import type { Stores } from "./stores";

interface Found {
  url: string;
  /** The current one first. */
  secrets: readonly string[];
  dialect: "standard" | "make";
  /** Whose breaker hears of its calls. */
  gate: string;
  /** What is switched off when the receiver is gone; none for a connection, whose dead letters nobody may miss, or a bare address. */
  setting?: Retired;
}

export interface HookScope extends Pick<CapabilityScope, "onCall" | "traceparent"> {
  stores: Stores;
  retiring: RetireDeps;
  tenant: string;
  now(): number;
}

/** A tenant's outgoing hooks; addresses and secrets are looked up when a delivery runs, so that a changed one counts for what waits. */
export function hooksFor(scope: HookScope): Hooks {
  const { stores, retiring, tenant, now, onCall, traceparent } = scope;
  return {
    open: async (target) => {
      const since = now();
      const found = await find(scope, target);
      if ("missing" in found) return found;
      const { gate, setting, ...options } = found;
      const hook = webhookTo({ ...options, http: createHttp({ rules: stores.rules, traceparent, onCall: (call) => onCall(gate, call) }), now });
      return {
        ...hook,
        retire: async (reason, job) => {
          if (setting) await retire(retiring, tenant, setting, { reason, job, trace: traceFrom(traceparent?.()), since }, now());
        },
      };
    },
  };
}

async function find(scope: HookScope, { connection, destination, subscription, url }: HookTarget): Promise<Found | { missing: string }> {
  const { destinations, subscriptions } = scope.stores;
  if (connection !== undefined) return ofConnection(scope, connection);
  if (destination !== undefined) return ofSetting(scope, { destination }, destinationGate(destination), await destinations.open(scope.tenant, destination));
  if (subscription !== undefined)
    return ofSetting(scope, { subscription }, subscriptionGate(subscription), await subscriptions.open(scope.tenant, subscription));
  return url === undefined ? { missing: "it names no receiver" } : { url, secrets: [], dialect: "standard", gate: `hook-${URL.parse(url)?.host ?? ""}` };
}

async function ofConnection({ stores, tenant }: HookScope, name: "make"): Promise<Found | { missing: string }> {
  const opened = await stores.connections.open(tenant, name);
  if (!opened.ok) return { missing: `the connection "${name}" is ${opened.reason}: ${opened.detail}` };
  const { url, secret } = opened.value;
  return { url, secrets: secret === undefined ? [] : [secret], dialect: "make", gate: name };
}

function ofSetting(
  { now }: HookScope,
  setting: Retired,
  gate: string,
  opened: Awaited<ReturnType<Stores["destinations"]["open"]>>,
): Found | { missing: string } {
  if (!opened.ok) return { missing: opened.reason };
  return { url: opened.value.url, secrets: signingSecrets(opened.value, now()), dialect: "standard", gate, setting };
}
