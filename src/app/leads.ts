import { showBlocked } from "../domain/leads/blocked";
import type { Leads } from "../domain/leads/capability";
import { countedAs, pointOf } from "../domain/leads/analytics-point";
import { removeReleased } from "../domain/leads/release";
import { nameAfterLead, storeSubmission } from "../domain/leads/store";
import type { MediaDeps } from "../domain/media/capability";
import type { WorkerEnv } from "../env";
import type { LeadDeps } from "../intake/leads/deps";
import { lead } from "../jobs/lead/job";
import type { Counters } from "../ledger/counters";
import { statesIn } from "../ledger/states";
import type { createPayloads } from "../ledger/payloads";
import type { Queries } from "../ledger/views";
import { createHttp } from "../providers/http";
import { createTurnstile } from "../providers/turnstile/turnstile";
import type { Engine } from "../queue/engine";
import { ownParts } from "../queue/prepare";
import { isApiKey, projectSecret } from "../tenants/project";
import { type ErasureDeps, erasePerson, planErasure } from "../domain/erasure/erase";
import { campaignObjects } from "../domain/campaigns/objects";
import { createMailStores } from "./mail-stores";
import { isLocal, type Stores } from "./stores";

interface LeadJobDeps {
  env: WorkerEnv;
  /** Where the leads of a batch are stored together. */
  db: D1Database;
  stores: Stores;
  counters: Pick<Counters, "add">;
  now(): number;
}

/** What the job `lead` is handed. */
export function leadsFor({ env, db, stores, counters, now }: LeadJobDeps, tenant: string): Leads {
  const snapshot = async () => {
    const known = await stores.snapshots.read(tenant, now());
    if (known.state === "unknown") throw new Error("the settings of the tenant cannot be read");
    return known.state === "known" ? known.snapshot : undefined;
  };
  const stateOf = statesIn(db);
  return {
    local: isLocal(env),
    project: async (name) => {
      const projects = (await snapshot())?.sections.projects;
      return projects && Object.hasOwn(projects, name) ? (projects[name] ?? null) : null;
    },
    // A connection made a moment ago may not be in this isolate's copy: a lead that is not forwarded then never is.
    hasHook: async () => (await snapshot())?.sections.connections?.["make"] !== undefined || (await stores.connections.get(tenant, "make")) !== null,
    store: (request) => storeSubmission(db, { tenant, ...request }, nameAfterLead(db, tenant, request.id)),
    forwarding: (job) => stateOf(tenant, job),
    count: (submission, stored) => {
      counters.add(tenant, "lead", countedAs(submission, stored), 0);
      env.ANALYTICS.writeDataPoint(pointOf(tenant, submission, stored));
    },
  };
}

export interface AppLeadDeps {
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
    showBlocked: (tenant, post) => showBlocked(env.DB, tenant, post, now()),
    removeReleased: (tenant, lead, submissions) => removeReleased(env.DB, tenant, lead, submissions),
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
    campaigns: campaignObjects(env.PAYLOADS),
    mailEvents: events,
    suppressions,
    hashAddress: stores.hashAddress,
    countriesOf: async (tenant) => [...new Set((await stores.projects.list(tenant)).flatMap(({ country }) => country ?? []))],
  };
}
