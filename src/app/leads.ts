import { createLeads, type LeadJobDeps, type Leads } from "../domain/leads/capability";
import type { MediaDeps } from "../domain/media/capability";
import type { WorkerEnv } from "../env";
import type { LeadDeps } from "../intake/leads/deps";
import { lead } from "../jobs/lead/job";
import type { createPayloads } from "../ledger/payloads";
import type { Queries } from "../ledger/queries";
import { createHttp } from "../providers/http";
import { createTurnstile } from "../providers/turnstile/turnstile";
import type { Engine } from "../queue/engine";
import { ownParts } from "../queue/accept/prepare";
import { isApiKey, projectSecret } from "../tenants/project";
import { type ErasureDeps, erasePerson, planErasure } from "../domain/erasure/erase";
import { createCampaignObjects } from "../domain/campaigns/objects";
import { createMailStores } from "./mail-stores";
import { isLocal, type Stores } from "./stores";

interface AppLeadJobDeps extends Pick<LeadJobDeps, "db" | "counters" | "now"> {
  env: WorkerEnv;
  stores: Stores;
}

/** What the job `lead` is handed. */
export function leadsFor({ env, stores: { snapshots, connections }, ...deps }: AppLeadJobDeps, tenant: string): Leads {
  return createLeads({ ...deps, snapshots, connections, isLocal: isLocal(env), point: (point) => env.ANALYTICS.writeDataPoint(point) }, tenant);
}

interface AppLeadDeps {
  env: WorkerEnv;
  now(): number;
  engine: Engine;
  payloads: ReturnType<typeof createPayloads>;
  queries: Queries;
  stores: Stores;
  media: MediaDeps;
}

/** What the routes about leads stand on. */
export function createLeadDeps(deps: AppLeadDeps): LeadDeps {
  const { env, now, engine, stores } = deps;
  const erasure = createErasureDeps(deps);
  const http = createHttp({ rules: stores.rules });
  return {
    local: isLocal(env),
    isApiKey,
    secret: (tenant, name, kind, project) => projectSecret(stores.vault, tenant, name, kind, project),
    hookSecret: async (tenant) => {
      const opened = await stores.connections.open(tenant, "make");
      return opened.ok ? opened.value.secret : undefined;
    },
    turnstile: createTurnstile(http),
    mayPost: async (key) => (await env.LEAD_RATE.limit({ key })).success,
    mayPostTo: async (key) => (await env.PROJECT_RATE.limit({ key })).success,
    newId: (tenant) => engine.ids.make(tenant, now()),
    idOfKey: (tenant, key) => engine.ids.derive(tenant, ownParts(lead, [key])),
    erase: (tenant, request) => erasePerson(erasure, tenant, request),
    planErasure: (tenant, request) => planErasure(erasure, tenant, request),
    defer: (promise) => engine.defer(promise),
  };
}

function createErasureDeps({ env, engine, payloads, media, stores }: AppLeadDeps): ErasureDeps {
  const { events, suppressions } = createMailStores(env.DB, stores);
  return {
    db: env.DB,
    engine,
    payloads,
    media,
    campaigns: createCampaignObjects(env.PAYLOADS),
    mailEvents: events,
    suppressions,
    hashAddress: stores.hashAddress,
    countriesOf: async (tenant) => [...new Set((await stores.projects.list(tenant)).flatMap(({ country }) => country ?? []))],
  };
}
