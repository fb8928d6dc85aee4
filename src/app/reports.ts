import type { GateOperations } from "../domain/gates/operate";
import { createReports, type Reports } from "../domain/report/compose";
import type { LedgerLimit } from "../domain/installation/ledger-size";
import type { WorkerStore } from "../domain/work/store";
import type { WorkerEnv } from "../env";
import { queues } from "../jobs/queues";
import { heavyViews } from "../ledger/heavy";
import { openJobs, type OpenPayload, openPayloads, startedJobs, tenantsWithJobs } from "../ledger/open-jobs";
import type { PauseView } from "../ledger/pauses";
import { createTicks } from "../ledger/ticks";
import type { Queries } from "../ledger/queries";
import type { SpentDay } from "../queue/memory";
import { type Registry, upgraded } from "../queue/registry";

interface AppReportDeps {
  env: Pick<WorkerEnv, "DB">;
  now(): number;
  queries: Pick<Queries, "counts">;
  pauses(tenant: string | null): Promise<PauseView[]>;
  gates: Pick<GateOperations, "first" | "named">;
  registry: Pick<Registry, "find" | "contracts">;
  workers: Pick<WorkerStore, "polls">;
  dayLimit(): Promise<SpentDay | null>;
  ledgerLimit(bytes: number | null): Promise<LedgerLimit>;
}

/** The operators' report, made from the ledger and the gates. */
export function createReportsOn({ env: { DB: db }, now, queries, pauses, gates, registry, workers, dayLimit, ledgerLimit }: AppReportDeps): Reports {
  return createReports({
    db,
    now,
    tenants: () => tenantsWithJobs(db),
    open: (tenants, at) => openJobs(db, tenants, at),
    started: (tenants) => startedJobs(db, tenants),
    counts: (tenant, from, to) => queries.counts(tenant, from, to),
    pauses,
    heavy: (tenant) => heavyViews(db, tenant, now()),
    gates: (tenant, limit) => gates.first(tenant, limit),
    gatesNamed: (tenant, names) => gates.named(tenant, names),
    gatesOf: async (jobs) => gatesOf(registry, jobs, await openPayloads(db, jobs)),
    steps: () => createTicks(db).list(),
    queues: Object.keys(queues),
    queuesOf: (type) => registry.find(type)?.contract.queues ?? [],
    dayLimit,
    ledgerLimit,
    isRemote: (type) => registry.find(type)?.contract.remote !== undefined,
    polls: async (tenant) => {
      const last = await workers.polls(tenant);
      const remote = registry.contracts().filter((contract) => contract.remote !== undefined);
      return new Map(remote.map(({ type }) => [type, last.get(type) ?? null]));
    },
  });
}

function gatesOf(
  registry: Pick<Registry, "find">,
  jobs: readonly { tenant: string; id: string }[],
  payloads: readonly OpenPayload[],
): { tenant: string; gate: string }[] {
  const byJob = new Map(payloads.map((each) => [`${each.tenant} ${each.id}`, each]));
  return jobs.flatMap(({ tenant, id }) => namesOf(registry, byJob.get(`${tenant} ${id}`)).map((gate) => ({ tenant, gate })));
}

function namesOf(registry: Pick<Registry, "find">, job: OpenPayload | undefined): readonly string[] {
  const contract = job && registry.find(job.type)?.contract;
  if (!contract) return [];
  try {
    return contract.gates(upgraded(contract, JSON.parse(job.payload), job.version) as never);
  } catch {
    // A payload of another shape: its run reports it.
    return [];
  }
}
