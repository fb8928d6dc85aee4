import { coalescing } from "../coalesce";
import { createAgentWork, type AgentDeps } from "../domain/agents/work";
import { createAnalytics } from "../domain/analytics/capability";
import { createCampaignWork } from "../domain/campaigns/capability";
import { createFacts, createFollowUps, createRouting } from "../domain/events/capability";
import { retire, type RetireDeps } from "../domain/destinations/retire";
import { createAttachments } from "../domain/mail/attachments";
import { withBuiltIn } from "../domain/mail/built-in";
import { createTemplates } from "../domain/mail/queries";
import type { MediaDeps } from "../domain/media/capability";
import { createVision } from "../domain/media/vision";
import { createSuppressions } from "../domain/suppressions/capability";
import type { WorkerEnv } from "../env";
import { auditIn } from "../ledger/audit";
import type { Counters } from "../ledger/counters";
import type { createPayloads } from "../ledger/payloads";
import { createSlack } from "../providers/chat/slack";
import { createHubspot } from "../providers/crm/hubspot";
import { createHttp } from "../providers/http";
import { cloudflareImages } from "../providers/images/cloudflare";
import { createLearned } from "../providers/models/learned";
import { createPrestashop } from "../providers/shop/prestashop";
import { failed, ok } from "../queue/effect";
import type { CapabilityScope, Engine, Missing } from "../queue/engine";
import type { Capabilities, Need } from "../queue/job";
import type { CallResult } from "../queue/ports/gates";
import type { Ledger } from "../queue/ports/ledger";
import type { Connection, ConnectionName } from "../tenants/connection-schema";
import type { TenantGates } from "../tenants/gates";
import { traceFrom } from "../trace";
import { createCampaignDeps, resumedBy } from "./campaigns";
import { hooksFor } from "./webhooks";
import { leadsFor } from "./leads";
import { log } from "./log";
import { mailFor } from "./mail";
import { mediaFor } from "./media";
import { createModels } from "./models";
import type { Stores } from "./stores";
import { supplierOrders } from "../jobs/supplier-orders/job";
import { syncOrdersPart } from "../jobs/sync-orders-part/job";
import { syncOrders } from "../jobs/sync-orders/job";
import { syncProducts } from "../jobs/sync-products/job";
import { syncSingleOrder } from "../jobs/sync-single-order/job";
import { createQueries } from "../ledger/queries";

type Makers = { [Name in Need]: (scope: CapabilityScope) => Promise<Capabilities[Name] | Missing> };

interface CapabilityDeps {
  env: WorkerEnv;
  stores: Stores;
  ledger: Pick<Ledger, "cancel">;
  counters: Pick<Counters, "add">;
  gates: TenantGates;
  media: MediaDeps;
  payloads: ReturnType<typeof createPayloads>;
  now(): number;
  defer: Engine["defer"];
  /** The engine that has these capabilities. */
  engine(): Engine;
}

/** What jobs may need, made for one run of one tenant. A tenant that lacks the connection gets the reason instead. */
export function createCapabilities({ env, stores, ledger, counters, gates, media, now, defer, ...deps }: CapabilityDeps): Engine["capabilities"] {
  const db = coalescing(env.DB, defer);
  const campaigns = createCampaignDeps({ env, db, stores, gates, resume: resumedBy(deps.engine), now });
  const learned = createLearned();
  const { destinations, subscriptions } = stores;
  const agents = createAgentDeps({ env, stores, now, payloads: deps.payloads, engine: deps.engine });
  const retiring: RetireDeps = { destinations, subscriptions, emit: log, audit: (entry) => auditIn(env.DB, entry) };
  const makers: Makers = {
    mail: (scope) => mailFor({ env, db, stores, gates, now }, scope),
    suppressions: own("suppressions are", (tenant) => createSuppressions({ db, tenant, hash: stores.hashAddress, urlOf: stores.unsubscribeUrl })),
    campaigns: own("campaigns are", (tenant) => createCampaignWork(campaigns, tenant)),
    templates: () => Promise.resolve(withBuiltIn(createTemplates(env.DB))),
    shops: own("a shop is", (tenant, scope) => shopsOf(stores, now, tenant, scope)),
    scope: own("shops are", (tenant) => ({ db: env.DB, tenant })),
    analytics: () => Promise.resolve(createAnalytics(env.DB, env.ANALYTICS)),
    chat: (scope) => chatFor({ stores, retiring, now }, scope),
    crm: (scope) => connected(stores, scope, "crm", ({ baseUrl, apiKey }, http) => createHubspot({ http, baseUrl, apiKey, now })),
    models: (scope) => modelsFor({ env, stores, gates, learned, now }, scope),
    media: own("pictures are", (tenant) => mediaFor(media, stores, tenant)),
    attachments: own("attachments are", (tenant) => createAttachments(env.MEDIA, media.oneAtATime, tenant)),
    images: () => Promise.resolve(cloudflareImages(env.IMAGES)),
    vision: async (scope) => createVision(await makers.models(scope)),
    agents: own("agents are", (tenant, { onResult }) => createAgentWork(agents, tenant, onResult)),
    hooks: own("hooks are", (tenant, { onResult, traceparent }) => hooksFor({ stores, retiring, tenant, now, onResult, traceparent })),
    leads: own("leads are", (tenant) => leadsFor({ env, db, stores, counters, now }, tenant)),
    routing: () => Promise.resolve(createRouting(db)),
    facts: () => Promise.resolve(createFacts(db)),
    followUps: () => Promise.resolve(createFollowUps(db, (tenant, id) => ledger.cancel({ tenant, id }, now()))),
  };
  return (names, scope) => makeAll(makers, names, scope);
}

/** The named capabilities, or the reason of the first that is missing. */
async function makeAll(makers: Makers, names: readonly Need[], scope: CapabilityScope): Promise<Partial<Capabilities> | Missing> {
  const made: Record<string, unknown> = {};
  for (const name of names) {
    const capability = await makers[name](scope);
    if ("missing" in capability) return capability;
    made[name] = capability;
  }
  return made as Partial<Capabilities>;
}

/** The tenant's Slack; a refusal for good retires it. */
function chatFor({ stores, retiring, now }: { stores: Stores; retiring: RetireDeps; now(): number }, scope: CapabilityScope) {
  const since = now();
  return connected(stores, scope, "slack", ({ url }, http, tenant) => ({
    ...createSlack({ http, url, now }),
    retire: (reason: string, job: string) =>
      retire(retiring, tenant, { destination: "slack" }, { reason, job, trace: traceFrom(scope.traceparent?.()), since }, now()),
  }));
}

type ModelDeps = Omit<Parameters<typeof createModels>[1], "tenant" | "traceparent" | "onResult"> & { stores: Stores };

function modelsFor(deps: ModelDeps, scope: CapabilityScope) {
  const onResult = (call: CallResult) => scope.onResult("models", call);
  return connected(deps.stores, scope, "models", (connection, _http, tenant) =>
    createModels(connection, { ...deps, tenant, traceparent: scope.traceparent, onResult }),
  );
}

/** A capability that only a tenant's jobs have: `what` "is" or "are" a tenant's own. */
function own<Made>(what: string, make: (tenant: string, scope: CapabilityScope) => Made | Promise<Made>) {
  return async (scope: CapabilityScope): Promise<Made | Missing> => (scope.tenant === null ? { missing: `${what} a tenant's own` } : make(scope.tenant, scope));
}

/** What one connection of the tenant's makes; its calls feed the gate of the same name. */
async function connected<Name extends ConnectionName, Made>(
  stores: Stores,
  { tenant, onResult, traceparent }: CapabilityScope,
  name: Name,
  make: (connection: Connection<Name>, http: ReturnType<typeof createHttp>, tenant: string) => Made,
): Promise<Made | Missing> {
  if (tenant === null) return { missing: `${name} is a tenant's own` };
  const opened = await stores.connections.open(tenant, name);
  if (!opened.ok) return { missing: `the connection "${name}" is ${opened.reason}: ${opened.detail}` };
  return make(opened.value, createHttp({ rules: stores.rules, traceparent, onResult: (call) => onResult(name, call) }), tenant);
}

function shopsOf(stores: Stores, now: () => number, tenant: string, { onResult, traceparent }: CapabilityScope): Capabilities["shops"] {
  return {
    open: async (siteId) => {
      const opened = await stores.sites.open(tenant, siteId);
      if (!opened.ok) return failed({ class: "config", code: "site", reason: opened.detail });
      const http = createHttp({ rules: stores.rules, traceparent, onResult: (call) => onResult(`shop:${siteId}`, call) });
      const { url, key, keyIn } = opened.value;
      return ok(createPrestashop({ http, url, key, keyIn, now }));
    },
  };
}

interface AppAgentDeps extends Pick<AgentDeps, "payloads" | "now" | "engine"> {
  env: WorkerEnv;
  stores: Pick<Stores, "sites">;
}

const syncs = [syncOrders, syncOrdersPart, syncProducts, syncSingleOrder, supplierOrders].map(({ type }) => type);

export function createAgentDeps({ env, stores, ...deps }: AppAgentDeps): AgentDeps {
  return { ...deps, db: env.DB, sites: stores.sites, queries: createQueries(env.DB), syncs };
}
