import { runDueSchedules } from "../domain/schedules/due";
import type { WorkerEnv } from "../env";
import type { IntakeDeps } from "../intake/deps";
import type { TickDeps } from "../intake/tick";
import type { Counters } from "../ledger/counters";
import { defaultRetention, leastRetention, retain, type RetentionDays } from "../ledger/retention";
import type { createPayloads } from "../ledger/payloads";
import { ticksIn } from "../ledger/ticks";
import type { createReplays } from "../domain/replays/replay";
import type { Engine } from "../queue/engine";
import { isTerminal } from "../queue/state";
import { sweep } from "../queue/sweep";
import { log } from "./log";
import type { Stores } from "./stores";

export interface TickParts {
  env: WorkerEnv;
  now(): number;
  engine: Engine;
  counters: Counters;
  payloads: ReturnType<typeof createPayloads>;
  stores: Stores;
}

/** The tick's steps, in their order: what others wait for comes first. */
export function createTickDeps(
  { env, now, engine, counters, payloads, stores }: TickParts,
  intake: IntakeDeps & { replays: ReturnType<typeof createReplays> },
): TickDeps {
  const daysOf = async (tenant: string): Promise<RetentionDays> => {
    const known = await stores.snapshots.read(tenant, now());
    const own = known.state === "known" ? known.snapshot.settings.retention : undefined;
    const days = { ...defaultRetention, ...own };
    return Object.fromEntries(Object.entries(days).map(([state, count]) => [state, Math.max(leastRetention, count)])) as RetentionDays;
  };
  // A job that was accepted and is not written yet is open.
  const isOpen = async (tenant: string, id: string) => {
    const job = await intake.queries.job(tenant, id);
    return job === null || !isTerminal(job.state);
  };
  return {
    steps: [
      { name: "sweep", run: async (at) => ({ ...(await sweep(engine, at)) }) },
      { name: "schedules", run: async (at) => ({ ...(await runDueSchedules({ now: at, store: stores.schedules, enqueue: intake.enqueue, isOpen })) }) },
      { name: "replays", run: async () => ({ ...(await intake.replays.continueAll()) }) },
      { name: "snapshots", run: async () => ({ published: await stores.snapshots.republish(100) }) },
      { name: "rotation", everyMinutes: 60, run: async () => ({ resealed: await rotateAll(stores) }) },
      {
        name: "retention",
        everyMinutes: 10,
        run: (at) => retain({ db: env.DB, daysOf, removePayloads: (keys) => payloads.remove(keys) }, at).then(({ removed }) => ({ removed })),
      },
      { name: "counters", run: async () => (await counters.flush(), {}) },
    ],
    clock: now,
    record: (outcomes) => ticksIn(env.DB).record(outcomes),
    alert: (step, reason) => log({ event: "trouble", where: `tick ${step}`, reason }),
  };
}

/** Seals anew what an older key of ENCRYPTION_KEYS sealed, so that the key can be taken out an hour after its successor came in. */
async function rotateAll(stores: Stores): Promise<number> {
  let resealed = 0;
  let after: string | undefined;
  for (;;) {
    const page = await stores.tenants.list({ limit: 100, ...(after === undefined ? {} : { after }) });
    for (const { tenant } of page) resealed += (await stores.connections.rotate(tenant)) + (await stores.sites.rotate(tenant));
    after = page.at(-1)?.tenant;
    if (page.length < 100) return resealed;
  }
}
