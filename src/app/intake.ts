import { secretCheck } from "../crypto";
import { metDayLimit, readDayLimit } from "../domain/installation/day-limit";
import { ledgerLimit } from "../domain/installation/ledger-size";
import { createAgentOperations } from "../domain/agents/operate";
import { createBulkActions } from "../domain/bulk-actions/operate";
import { runAllNow } from "../domain/bulk-actions/run-now";
import { createBulkStore } from "../domain/bulk-actions/store";
import { dependenciesOf } from "../domain/gates/queries";
import { databaseBytes } from "../d1";
import { createGateOperations } from "../domain/gates/operate";
import { createJobOperations } from "../domain/jobs/operate";
import { unsubscribe } from "../domain/mail-events/unsubscribe";
import { withKnownTemplates } from "../domain/mail/known";
import type { MediaDeps } from "../domain/media/capability";
import { createReplays } from "../domain/replays/create";
import { createReplayStore } from "../domain/replays/store";
import { testShop } from "../domain/shop/site/test-connection";
import { wakeSite } from "../domain/shop/site/connect";
import type { WorkDeps } from "../domain/work/deps";
import type { WorkerEnv } from "../env";
import { messageOf } from "../errors";
import type { IntakeDeps, JobIds, PlatformDeps } from "../intake/deps";
import { health, metricsOf } from "../intake/health";
import { agent } from "../jobs/agent/job";
import { email } from "../jobs/email/job";
import { queues } from "../jobs/queues";
import { auditIn } from "../ledger/audit";
import { openJobIds } from "../ledger/open-jobs";
import { jobsById } from "../ledger/search";
import { cancelAll } from "../ledger/operate";
import type { createPayloads } from "../ledger/payloads";
import { createReplayable } from "../ledger/replayable";
import { dismissAll } from "../ledger/review";
import { createSampleQueries } from "../ledger/samples";
import { createStateLookup } from "../ledger/states";
import { createTicks } from "../ledger/ticks";
import type { Queries } from "../ledger/queries";
import { rotationMark } from "../ledger/watermarks";
import type { Engine } from "../queue/engine";
import { ownParts } from "../queue/accept/prepare";
import type { Enqueue } from "../queue/request";
import { isOnItsWay, retryNow } from "../queue/operate";
import { refusingQueues } from "../queue/send/send";
import type { TenantGates } from "../tenants/gates";
import { createCampaignIntake, createCampaignDeps, resumedBy } from "./campaigns";
import { createLeadDeps } from "./leads";
import { log } from "./log";
import { createMailEvents, createMailStores } from "./mail-stores";
import { createMediaIntake } from "./media";
import { createReportsOn } from "./reports";
import { withTimeLimit } from "../tenants/time-limit";
import { createTokenUse } from "../tenants/token-use";
import type { Stores } from "./stores";

interface AppIntakeDeps {
  env: WorkerEnv;
  now(): number;
  engine: Engine;
  /** The engine's. */
  enqueue: Enqueue;
  gates: TenantGates;
  payloads: ReturnType<typeof createPayloads>;
  queries: Queries;
  stores: Stores;
  media: MediaDeps;
  work: WorkDeps;
}

/** What the HTTP interface stands on. */
export function createIntakeDeps(deps: AppIntakeDeps): IntakeDeps {
  const { env, now, engine, payloads, queries, stores, media, work } = deps;
  const mail = createMailStores(env.DB, stores);
  return {
    ...stores,
    ...createOperations(deps),
    ...createEntrances(deps, mail),
    db: env.DB,
    work,
    leads: createLeadDeps({ env, now, engine, payloads, queries, stores, media }),
    now,
    auth: {
      isRoot: secretCheck(env.ROOT_TOKEN),
      verifier: stores.verifier,
      use: createTokenUse(env.DB, engine.defer),
      mayBeRefused: async (key) => (await env.REFUSAL_RATE.limit({ key })).success,
    },
    templates: stores.templates,
    registry: engine.registry,
    ids: jobIdsOf(engine),
    queries,
    samples: createSampleQueries(env.DB),
    loadPayload: (ref) => payloads.get(ref),
    suppressions: mail.suppressions,
    unsubscribe: { read: stores.unsubscribeTokens.read, act: (what) => unsubscribe(mail, what, now()) },
    mailEvents: createMailEvents(stores, mail, now),
    platform: createPlatformDeps(env, engine),
    audit: (entry) => auditIn(env.DB, entry),
    report: ({ requestId, trace, method, route, thrown }) =>
      log({ event: "trouble", where: `${method} ${route ?? "?"}`, reason: `${requestId}: ${messageOf(thrown)}`, trace }),
  };
}

/** What operators do, and the reports that they read. */
function createOperations(deps: AppIntakeDeps): Pick<IntakeDeps, "operate" | "gates" | "reports" | "replays" | "bulkActions" | "agents" | "shops"> {
  const { env, now, engine, gates, payloads, queries, stores, work } = deps;
  const operate = createJobOperations({ db: env.DB, engine, queries });
  const wake = (tenant: string, site: string) => wakeSite(engine, queries, tenant, site);
  const gateOperations = createGateOperations({
    db: env.DB,
    engine,
    gates,
    stateOf: createStateLookup(env.DB),
    namesOf: (tenant) => dependenciesOf(stores, tenant),
  });
  const reports = createReportsOn({
    env,
    now,
    queries,
    pauses: operate.pauses,
    gates: gateOperations,
    registry: engine.registry,
    workers: work.workers,
    dayLimit: async () => engine.memory.spentDay ?? orWithoutKv(readDayLimit(env.CONFIG), null),
    ledgerLimit: ledgerLimitIn(env, engine),
  });
  return {
    operate,
    gates: gateOperations,
    reports,
    replays: createReplays(createReplayDeps(deps)),
    bulkActions: createBulkActions(createBulkDeps(deps, reports)),
    agents: createAgentOperations({ db: env.DB, payloads, queries, type: agent.type, now, engine: () => engine }),
    shops: { wake, test: (tenant, site) => testShop({ db: env.DB, now, engine, wake }, tenant, site) },
  };
}

/** What enqueues; within a trace, each job that it enqueues carries it. */
function createEntrances({ env, now, engine, enqueue, gates, stores, media }: AppIntakeDeps, mail: ReturnType<typeof createMailStores>) {
  const deps = createCampaignDeps({ env, db: env.DB, stores, gates, resume: resumedBy(() => engine), now });
  const enqueuing = (through: Enqueue): ReturnType<IntakeDeps["inTrace"]> => ({
    enqueue: withKnownTemplates(email.type, through, stores.templates),
    campaigns: createCampaignIntake({ deps, enqueue: through, stores, events: mail.events }),
    media: createMediaIntake({ env, now, enqueue: through, stores, media }),
  });
  const inTrace: IntakeDeps["inTrace"] = (trace) => enqueuing((requests) => enqueue(requests.map((each) => ({ trace, ...each }))));
  return { ...enqueuing(enqueue), inTrace };
}

function createReplayDeps({ env, now, engine, payloads }: AppIntakeDeps): Parameters<typeof createReplays>[0] {
  return {
    now,
    store: createReplayStore(env.DB),
    lastServed: rotationMark(env.DB, "replays"),
    replayable: createReplayable(env.DB),
    registry: engine.registry,
    loadPayload: (ref) => payloads.get(ref),
    revive: (rows, replay) => retryNow(engine, rows, { event: "replayed", from: ["dead", "discarded"], replay }),
  };
}

function createBulkDeps({ env, now, engine, queries }: AppIntakeDeps, reports: ReturnType<typeof createReportsOn>): Parameters<typeof createBulkActions>[0] {
  return {
    now,
    store: createBulkStore(env.DB),
    replayable: createReplayable(env.DB),
    jobs: (tenant, filter, page) => queries.jobs(tenant, filter, page),
    openOf: (tenant, ids) => openJobIds(env.DB, tenant, ids, (id) => isOnItsWay(engine, { tenant, id })),
    jobsOf: (tenant, ids) => jobsById(env.DB, tenant, ids),
    why: (tenant, jobs) => reports.why(tenant, jobs),
    act: {
      cancel: (tenant, ids) => cancelAll(env.DB, tenant, ids, now()),
      dismiss: (tenant, ids) => dismissAll(env.DB, tenant, ids, now()),
      "run-now": (tenant, ids) => runAllNow(env.DB, engine, tenant, ids),
    },
    lastServed: rotationMark(env.DB, "bulk-actions"),
  };
}

function jobIdsOf({ ids, registry }: Engine): JobIds {
  return {
    own: async (tenant, type, own) => {
      const contract = registry.find(type)?.contract;
      return contract && ids.derive(tenant, ownParts(contract, own));
    },
    belongs: (tenant, id) => ids.belongs(tenant, id),
  };
}

function ledgerLimitIn(env: WorkerEnv, { memory }: Engine) {
  return (bytes: number | null) =>
    ledgerLimit(env.MAX_LEDGER_BYTES, bytes, async () => memory.spentDay !== undefined || orWithoutKv(metDayLimit(env.CONFIG), false));
}

/** What KV records of D1's daily limit; the other value while KV does not answer: neither the report nor the metrics depend on it. */
async function orWithoutKv<Recorded>(recorded: Promise<Recorded>, otherwise: Recorded): Promise<Recorded> {
  try {
    return await withTimeLimit(1000, "KV", recorded);
  } catch (thrown) {
    log({ event: "trouble", where: "day-limit", reason: messageOf(thrown) });
    return otherwise;
  }
}

function createPlatformDeps(env: WorkerEnv, engine: Engine): PlatformDeps {
  return {
    queues: () =>
      Promise.all(
        Object.entries(queues).map(([name, { binding }]) =>
          metricsOf(name, env[binding], (reason) => log({ event: "trouble", where: "metrics", reason, queue: name })),
        ),
      ),
    tickSteps: () => createTicks(env.DB).list(),
    ledgerSize: async () => {
      const bytes = await databaseBytes(env.DB);
      return { bytes, maxBytes: (await ledgerLimitIn(env, engine)(bytes)).bytes };
    },
    health: () => health({ db: env.DB, kv: env.CONFIG, refusingQueues: () => refusingQueues(engine) }),
  };
}
