import { findReceiver, type ReceiverStores } from "../domain/destinations/receiver";
import { retire, type RetireDeps } from "../domain/destinations/retire";
import type { Hooks } from "../providers/hooks/hooks";
import { createWebhook } from "../providers/hooks/webhook";
import { createHttp } from "../providers/http";
import type { CapabilityScope } from "../queue/engine";
import { traceFrom } from "../trace";
import type { Stores } from "./stores";

interface HookScope extends Pick<CapabilityScope, "onResult" | "traceparent"> {
  stores: ReceiverStores & Pick<Stores, "rules">;
  retiring: RetireDeps;
  tenant: string;
  now(): number;
}

/** A tenant's outgoing webhooks. */
export function hooksFor({ stores, retiring, tenant, now, onResult, traceparent }: HookScope): Hooks {
  return {
    async open(target) {
      const since = now();
      const receiver = await findReceiver(stores, tenant, target, since);
      if ("missing" in receiver) return receiver;
      const { gate, setting, ...options } = receiver;
      const http = createHttp({ rules: stores.rules, traceparent, onResult: (call) => onResult(gate, call) });
      return {
        ...createWebhook({ ...options, http, now }),
        retire: async (reason, job) => {
          if (setting) await retire(retiring, tenant, setting, { reason, job, trace: traceFrom(traceparent?.()), since }, now());
        },
      };
    },
  };
}
