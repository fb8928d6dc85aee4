import type { WorkerEnv } from "../env";
import type { Http } from "../providers/http";
import type { Learned } from "../providers/models/learned";
import type { Models } from "../providers/models/models";
import { openai } from "../providers/models/openai";
import { workersAi } from "../providers/models/workers-ai";
import type { Connection } from "../tenants/connection-schema";

interface ModelsParts {
  env: Pick<WorkerEnv, "AI" | "AI_GATEWAY">;
  http: Http;
  learned: Learned;
  tenant: string;
  now: () => number;
  /** `http` reports its own calls; this takes those of the binding. */
  onCall(result: "answered" | "transient"): void;
}

/** The adapter that a tenant's connection `models` names. */
export function createModels(connection: Connection<"models">, { env, http, onCall, ...shared }: ModelsParts): Models {
  if (connection.provider === "workers-ai") {
    const { provider: _, limits: __, model, collectLog, ...settings } = connection;
    return workersAi({ ...shared, binding: env.AI, gateway: env.AI_GATEWAY, model, collectLog, settings, onCall });
  }
  const { provider: _, limits: __, baseUrl, apiKey, model, ...settings } = connection;
  return openai({ ...shared, http, baseUrl, apiKey, model, settings });
}
