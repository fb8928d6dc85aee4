import { waitUntil } from "cloudflare:workers";
import type { MediaDeps } from "../domain/media/capability";
import type { EndedJobPublisher } from "../domain/subscriptions/ended";
import type { WorkerEnv } from "../env";
import { createEndedJobs, publishAfterBatches } from "../intake/tick/publish-ended-jobs";
import { queueNamed } from "../jobs/queues";
import { Counters } from "../ledger/counters";
import type { createPayloads } from "../ledger/payloads";
import { createUnwritten } from "../ledger/unwritten";
import { createEngine, type Engine, type EngineEvent } from "../queue/engine";
import { createIds } from "../queue/id";
import type { Job } from "../queue/job";
import type { Ledger } from "../queue/ports/ledger";
import { createRegistry } from "../queue/registry";
import { limitsIn } from "../tenants/gate-defaults";
import { createGates, type TenantGates } from "../tenants/gates";
import { createQuota } from "../tenants/quota";
import { createCapabilities } from "./capabilities";
import { gateNamespace } from "./environment";
import { log } from "./log";
import { isLocal, type Stores } from "./stores";

/** A queue may hold this many messages before senders are asked to come back later. */
const backlogLimit = 1_000_000;

interface EngineDeps {
  env: WorkerEnv;
  now(): number;
  jobs: readonly Job[];
  ledger: Ledger;
  payloads: ReturnType<typeof createPayloads>;
  stores: Stores;
  media: MediaDeps;
}

export function createAppEngine({ env, now, jobs, ledger, payloads, stores, media }: EngineDeps): {
  engine: Engine;
  gates: TenantGates;
  counters: Counters;
  ended: EndedJobPublisher;
} {
  const defer = (promise: Promise<unknown>) =>
    waitUntil(promise.catch((thrown: unknown) => log({ event: "trouble", where: "deferred", reason: String(thrown) })));
  const counters = new Counters(env.DB, now, defer, log);
  const limitsOf = async (tenant: string, dependency: string) => {
    const lookup = await stores.snapshots.read(tenant, now());
    const connections = lookup.state === "known" ? lookup.snapshot.sections.connections : undefined;
    return limitsIn(connections, dependency);
  };
  const quotaOf = async (tenant: string) => {
    const lookup = await stores.snapshots.read(tenant, now());
    return lookup.state === "known" ? lookup.snapshot.settings.quota?.jobsPerMinute : undefined;
  };
  const ended = createEndedJobs(env.DB, () => engine);
  const publish = publishAfterBatches(ended, stores.snapshots, now, defer);
  const gates = createGates(gateNamespace(env), limitsOf);
  const engine: Engine = createEngine({
    now,
    random: Math.random,
    boot: env.BOOT_ID ?? "",
    ledgerFirst: isLocal(env),
    ids: createIds(env.ID_SECRET),
    registry: createRegistry(jobs),
    ledger,
    queue: (name) => producerOf(env, name),
    sendsPacks: env.PACKS !== "off",
    batchTimeout: (name) => queueNamed(name)?.batchTimeout ?? 0,
    backlogLimit: () => backlogLimit,
    quota: createQuota(quotaOf, now),
    payloads,
    unwritten: createUnwritten(env.PAYLOADS, now),
    gates,
    capabilities: createCapabilities({ env, stores, ledger, counters, gates, media, now, defer, payloads, engine: () => engine }),
    defer,
    later: (ms, work) => defer(scheduler.wait(ms).then(work)),
    emit: (event) => {
      count(counters, event);
      publish(event);
      log(event);
    },
  });
  return { engine, gates, counters, ended };
}

function producerOf(env: WorkerEnv, name: string): Queue | undefined {
  const binding = queueNamed(name)?.binding;
  return binding && env[binding];
}

function count(counters: Counters, event: EngineEvent): void {
  if (event.event === "settled") {
    counters.add(event.tenant, event.type, event.state === "queued" ? "again" : event.state, event.ms);
    if (event.ran) counters.time(event.tenant, event.type, { run: event.ms, wait: event.waited });
  }
  if (event.event === "enqueued") counters.add(event.tenant, event.type, "enqueued", 0, event.count);
}
