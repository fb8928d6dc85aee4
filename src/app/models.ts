import type { WorkerEnv } from "../env";
import { createHttp } from "../providers/http";
import { withFallback } from "../providers/models/fallback";
import type { Learned } from "../providers/models/learned";
import type { Models } from "../providers/models/models";
import { createOpenai } from "../providers/models/openai";
import { createWorkersAi } from "../providers/models/workers-ai";
import type { CallResult, GateReport } from "../queue/ports/gates";
import type { Connection } from "../tenants/connection-schema";
import type { TenantGates } from "../tenants/gates";
import type { ModelsRoute } from "../tenants/models-connection";
import type { Stores } from "./stores";

interface ModelsDeps {
  env: Pick<WorkerEnv, "AI" | "AI_GATEWAY">;
  stores: Pick<Stores, "rules">;
  gates: TenantGates;
  learned: Learned;
  tenant: string;
  now: () => number;
  traceparent?: (() => string) | undefined;
  onResult(result: CallResult): void;
}

/** A lease outlives any call. Milliseconds. */
const leaseMs = 400_000;

/** The models that a tenant's connection `models` names. The gate `models` holds jobs back; with a fallback each has a circuit of its own, `models-0`. */
export function createModels(connection: Connection<"models">, deps: ModelsDeps): Models {
  const { fallback = [], ...first } = connection;
  if (fallback.length === 0) return adapterOf(first, deps);
  const quiet = { ...deps, onResult: () => undefined };
  return withFallback(
    [first, ...fallback].map((route) => adapterOf(route, quiet)),
    circuitsOf(deps),
    deps.onResult,
  );
}

function adapterOf(route: ModelsRoute, { env, stores, onResult, learned, tenant, now, traceparent }: ModelsDeps): Models {
  const shared = { learned, tenant, now };
  if (route.provider === "workers-ai") {
    const { provider: _, limits: __, model, collectLog, ...settings } = route;
    return createWorkersAi({ ...shared, binding: env.AI, gateway: env.AI_GATEWAY, model, collectLog, settings, onResult });
  }
  const { provider: _, limits: __, baseUrl, apiKey, model, collectLog, gatewayToken, ...settings } = route;
  const http = createHttp({ rules: stores.rules, traceparent, onResult });
  return createOpenai({ ...shared, http, baseUrl, apiKey, model, collectLog, gatewayToken, settings });
}

function circuitsOf({ gates, tenant, now }: ModelsDeps) {
  const stay = crypto.randomUUID();
  return {
    async enter(endpoint: number) {
      const [entry] = await gates.enter(tenant, `models-${endpoint}`, [stay], leaseMs, now());
      return entry?.granted ? entry.lease : undefined;
    },
    leave: (endpoint: number, lease: string, how: GateReport) => gates.leave(tenant, `models-${endpoint}`, [{ id: stay, lease, calls: how }], now()),
  };
}
