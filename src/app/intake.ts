import { equalSecrets } from "../crypto";
import { ping } from "../d1";
import { agentGate } from "../domain/agents/capability";
import { agents } from "../domain/agents/list";
import { factsIn } from "../domain/events/facts";
import { destinationGate, siteGates, subscriptionGate } from "../domain/gates/model";
import { createGateOperations } from "../domain/gates/operate";
import { unsubscribe } from "../domain/mail-events/unsubscribe";
import type { MediaParts } from "../domain/media/capability";
import { bulkActionsIn } from "../domain/bulk-actions/store";
import { createBulkActions } from "../domain/bulk-actions/operate";
import { createReplays } from "../domain/replays/create";
import { replaysIn } from "../domain/replays/store";
import { type ShopTestParts, testShop } from "../domain/shop/site/test-connection";
import { wakeSite } from "../domain/shop/site/wake";
import type { WorkDeps } from "../domain/work/deps";
import type { WorkerEnv } from "../env";
import { messageOf } from "../errors";
import { withKnownTemplates } from "../domain/mail/known";
import type { IntakeDeps, QueueMetrics, SignedDoor } from "../intake/deps";
import { email } from "../jobs/email/job";
import { queues } from "../jobs/queues";
import { verify } from "../providers/hooks/standard";
import { pauseStore } from "../ledger/pauses";
import { cancelAll } from "../ledger/operate";
import { openOf } from "../ledger/open-jobs";
import { dismiss, dismissAll, settleDoubt } from "../ledger/review";
import { auditEntries, auditIn } from "../ledger/audit";
import { replayableIn } from "../ledger/replayable";
import type { createPayloads } from "../ledger/payloads";
import { samplesIn } from "../ledger/samples";
import { statesIn } from "../ledger/states";
import { ticksIn } from "../ledger/ticks";
import { turnMark } from "../ledger/watermarks";
import type { Queries } from "../ledger/views";
import type { Engine } from "../queue/engine";
import { enqueue } from "../queue/enqueue";
import type { Capabilities } from "../queue/job";
import { cancel, retryNow, runNow } from "../queue/operate";
import type { TenantGates } from "../tenants/gates";
import { gatesOf } from "../tenants/connection";
import { refusingQueues } from "../queue/send";
import { createAgentDeps } from "./agents";
import { createCampaignDoor, createCampaignParts, resumedBy } from "./campaigns";
import { createLeadDeps } from "./leads";
import { log } from "./log";
import { createMailEventDoor } from "./mail-events";
import { createMailStores } from "./mail-stores";
import { createMediaDeps } from "./media";
import { createReportsOn } from "./reports";
import type { Stores } from "./stores";

export interface IntakeParts {
  env: WorkerEnv;
  now(): number;
  engine: Engine;
  gates: TenantGates;
  payloads: ReturnType<typeof createPayloads>;
  queries: Queries;
  stores: Stores;
  media: MediaParts;
  work: WorkDeps;
}

/** What the HTTP interface stands on. */
export function createIntakeDeps({
  env,
  now,
  engine,
  gates,
  payloads,
  queries,
  stores,
  media,
  work,
}: IntakeParts): IntakeDeps & { replays: ReturnType<typeof createReplays>; bulkActions: ReturnType<typeof createBulkActions> } {
  const pauses = pauseStore(env.DB);
  const mail = createMailStores(env.DB, stores);
  const replays = createReplays({
    now,
    store: replaysIn(env.DB),
    lastTurn: turnMark(env.DB, "replays"),
    replayable: replayableIn(env.DB),
    registry: engine.registry,
    loadPayload: (ref) => payloads.get(ref),
    revive: (rows, replay) => retryNow(engine, rows, { event: "replayed", from: ["dead", "discarded"], replay }),
  });
  const bulkActions = createBulkActions({
    now,
    store: bulkActionsIn(env.DB),
    replayable: replayableIn(env.DB),
    jobs: (tenant, filter, page) => queries.jobs(tenant, filter, page),
    openOf: (tenant, ids) => openOf(env.DB, tenant, ids),
    act: {
      cancel: (tenant, ids) => cancelAll(env.DB, tenant, ids, now()),
      dismiss: (tenant, ids) => dismissAll(env.DB, tenant, ids, now()),
    },
    lastTurn: turnMark(env.DB, "bulk-actions"),
  });
  const wake = (tenant: string, site: string) => wakeSite(engine, queries, tenant, site);
  const shopTest: ShopTestParts = {
    db: env.DB,
    now,
    gates: engine.gates,
    openShop: (tenant, site, signal) => openShop(engine, tenant, site, signal),
    wake,
  };
  const gateOperations = createGateOperations({ db: env.DB, engine, gates, stateOf: statesIn(env.DB), namesOf: (tenant) => dependenciesOf(stores, tenant) });
  const reports = createReportsOn({
    env,
    now,
    queries,
    pauses: (tenant) => pauses.list(tenant),
    gates: gateOperations,
    registry: engine.registry,
    workers: work.workers,
  });
  return {
    ...stores,
    db: env.DB,
    reports,
    work,
    eventDoor: { ...stores.eventDoor, admits: (tenant, headers, body, at) => admits(stores, tenant, headers, body, at) },
    facts: factsIn(env.DB),
    leads: createLeadDeps({ env, now, engine, payloads, queries, stores, media }),
    campaigns: createCampaignDoor({
      parts: createCampaignParts({ env, db: env.DB, stores, gates, resume: resumedBy(() => engine), now }),
      enqueue: (requests) => enqueue(engine, requests),
      stores,
      events: mail.events,
    }),
    media: createMediaDeps({ env, now, enqueue: (requests) => enqueue(engine, requests), stores, media }),
    agents: createAgentDeps({ env, stores, media, payloads, now, engine: () => engine }),
    now,
    shops: { wake, test: (tenant, site) => testShop(shopTest, tenant, site) },
    gates: gateOperations,
    replays,
    bulkActions,
    isRoot: (token) => equalSecrets(token, env.ROOT_TOKEN),
    templates: stores.templates,
    registry: engine.registry,
    enqueue: withKnownTemplates(email.type, (requests) => enqueue(engine, requests), stores.templates),
    belongs: (tenant, id) => engine.ids.belongs(tenant, id),
    queries,
    samples: samplesIn(env.DB),
    loadPayload: (ref) => payloads.get(ref),
    suppressions: mail.suppressions,
    unsubscribe: { read: stores.unsubscribeTokens.read, act: (what) => unsubscribe(mail, what, now()) },
    mailEvents: createMailEventDoor({ stores, ...mail, now }),
    operate: {
      cancel: (tenant, id) => cancel(engine, { tenant, id }),
      retry: (tenant, id) => retryOne(engine, queries, tenant, id),
      runNow: (tenant, id) => runOneNow(engine, queries, tenant, id),
      settleDoubt: (tenant, id, effect, finding) => settleDoubt(env.DB, { tenant, id }, effect, finding, now()),
      dismiss: (tenant, id) => dismiss(env.DB, { tenant, id }, now()),
      pause: (tenant, scope, name, author) => pauses.put(tenant ?? "*", scope, name, author, now()),
      resume: (tenant, scope, name) => pauses.remove(tenant ?? "*", scope, name),
      pauses: (tenant) => pauses.list(tenant),
      replays,
    },
    queues: () => Promise.all(Object.entries(queues).map(([name, { binding }]) => metricsOf(name, env[binding]))),
    tickSteps: () => ticksIn(env.DB).list(),
    health: () => health(env, engine),
    mayBeRefused: async (key) => (await env.REFUSAL_RATE.limit({ key })).success,
    audit: (entry) => auditIn(env.DB, entry),
    audits: (tenant, page) => auditEntries(env.DB, tenant, page),
    report: ({ requestId, trace, method, route, thrown }) =>
      log({ event: "trouble", where: `${method} ${route ?? "?"}`, reason: `${requestId}: ${messageOf(thrown)}`, trace }),
  };
}

/** The secret comes from the snapshot, so that events are taken while D1 is down. */
async function admits(stores: Stores, tenant: string, headers: Headers, body: Uint8Array, at: number): Promise<Awaited<ReturnType<SignedDoor["admits"]>>> {
  const known = await stores.snapshots.read(tenant, at);
  if (known.state === "unknown") return { state: "unknown" };
  const sealed = known.state === "known" ? known.snapshot.sections.events?.door : null;
  const secrets = sealed ? await stores.eventDoor.open(tenant, sealed, at) : [];
  const verdict = await verify(secrets, headers, body, at);
  return verdict.ok ? { state: "admitted", id: verdict.id } : { state: "refused" };
}

/** What a tenant's jobs call, as the names of its gates. */
async function dependenciesOf({ connections, sites, subscriptions, destinations }: Stores, tenant: string): Promise<string[]> {
  const all = await Promise.all([connections.list(tenant), sites.list(tenant), subscriptions.list(tenant), destinations.list(tenant)]);
  const [connected, shops, subscribed, addressed] = all;
  return [
    ...connected.flatMap(gatesOf),
    ...(connected.some(({ name }) => name === "models") ? agents.map(({ type }) => agentGate(type)) : []),
    ...shops.flatMap(({ site }) => siteGates(site).slice(0, 1)),
    ...subscribed.map(({ name }) => subscriptionGate(name)),
    ...addressed.filter(({ builtIn }) => !builtIn).map(({ name }) => destinationGate(name)),
  ];
}

async function retryOne(engine: Engine, queries: Queries, tenant: string, id: string) {
  const changed = (await retryNow(engine, [{ tenant, id }], { event: "retried", from: ["dead", "discarded", "cancelled", "waiting", "retrying"] })).length > 0;
  const job = await queries.job(tenant, id);
  return job && { state: job.state, changed };
}

async function runOneNow(engine: Engine, queries: Queries, tenant: string, id: string) {
  const job = await queries.job(tenant, id);
  if (!job) return null;
  const changed = await runNow(engine, { tenant, id }, job);
  return { state: changed ? ("queued" as const) : job.state, changed };
}

/** As a job would; how its calls went is told to the gate by who asked for it. */
async function openShop(engine: Engine, tenant: string, site: string, signal: AbortSignal) {
  const { shops } = (await engine.capabilities(["shops"], { tenant, at: engine.now(), signal, onCall: () => undefined })) as Pick<Capabilities, "shops">;
  return shops.open(site);
}

async function metricsOf(queue: string, producer: Queue): Promise<QueueMetrics> {
  try {
    const { backlogCount, backlogBytes, oldestMessageTimestamp } = await producer.metrics();
    return { queue, backlog: backlogCount, bytes: backlogBytes, oldestAt: oldestMessageTimestamp?.getTime() ?? null };
  } catch (thrown) {
    log({ event: "trouble", where: "metrics", reason: messageOf(thrown), queue });
    return { queue, backlog: null, bytes: null, oldestAt: null };
  }
}

async function health(env: WorkerEnv, engine: Engine): Promise<Record<string, "ok" | "failing">> {
  const check = async (name: string, look: Promise<unknown>) => {
    const limit = new Promise((_, reject) => setTimeout(() => reject(new Error("too slow")), 1000));
    const verdict = await Promise.race([look, limit]).then(
      () => "ok" as const,
      () => "failing" as const,
    );
    return [name, verdict] as const;
  };
  const checks = await Promise.all([check("d1", ping(env.DB)), check("kv", env.CONFIG.get("health"))]);
  return Object.fromEntries([...checks, ["queues", refusingQueues(engine).length === 0 ? "ok" : "failing"] as const]);
}
