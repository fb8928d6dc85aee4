import type { CampaignOperations } from "../domain/campaigns/operate";
import { createCampaignObjects } from "../domain/campaigns/objects";
import type { BulkActions } from "../domain/bulk-actions/operate";
import type { Replays } from "../domain/replays/create";
import { createShopOutbox } from "../domain/shop/events";
import { continueRemovals } from "../domain/shop/site/remove";
import type { EndedJobPublisher } from "../domain/subscriptions/ended";
import type { WorkDeps } from "../domain/work/deps";
import type { Reports } from "../domain/report/compose";
import type { WorkerEnv } from "../env";
import { continueAgents } from "../intake/tick/continue-agents";
import { reapWork } from "../intake/tick/reap-work";
import { publishShopEvents } from "../intake/tick/publish-shop-events";
import { removeOld } from "../intake/tick/remove-old";
import { reportSilentProjects } from "../intake/tick/report-silent-projects";
import { runSchedules } from "../intake/tick/run-schedules";
import { sendAlerts } from "../intake/tick/send-alerts";
import type { TickDeps } from "../intake/tick/tick";
import { dayLimitIn } from "../d1";
import { keepDayLimit } from "../domain/installation/day-limit";
import { callHeartbeat } from "../domain/installation/beat";
import { createHttp } from "../providers/http";
import type { Counters } from "../ledger/counters";
import { ofInstallation } from "../ledger/durations";
import type { createPayloads } from "../ledger/payloads";
import { passEnded } from "../ledger/open-jobs";
import { addUpHours } from "../ledger/usage-days";
import { createTicks } from "../ledger/ticks";
import { noteVersion } from "../ledger/versions";
import { rotationMark } from "../ledger/watermarks";
import type { Engine } from "../queue/engine";
import { enqueue } from "../queue/enqueue";
import { sweep } from "../queue/sweep";
import { rotate } from "../tenants/rotate";
import { createMailStores } from "./mail-stores";
import type { Stores } from "./stores";

interface AppTickDeps {
  env: WorkerEnv;
  now(): number;
  engine: Engine;
  counters: Counters;
  payloads: ReturnType<typeof createPayloads>;
  ended: EndedJobPublisher;
  stores: Stores;
  replays: Replays;
  bulkActions: BulkActions;
  campaigns: Pick<CampaignOperations, "revive">;
  work: WorkDeps;
  reports: Pick<Reports, "findings">;
}

/** What one tick does of each: its steps share the 1,000 statements that D1 allows one invocation. */
const maxSnapshots = 28;
/** Statements that remove rows, for each of five sites. */
const maxRemovals = 20;

/** The tick's steps, in their order: what others wait for comes first. */
export function createTickDeps({ env, now, engine, counters, payloads, ended, stores, replays, bulkActions, campaigns, work, reports }: AppTickDeps): TickDeps {
  const db = env.DB;
  const mail = createMailStores(db, stores);
  const { schedules, tenants, snapshots } = stores;
  const dueSchedules = runSchedules({ db, engine, schedules, tenants, now });
  const retention = { db, payloads, tenants, campaigns: createCampaignObjects(env.PAYLOADS), sent: mail.sent, mailEvents: mail.events };
  return {
    steps: [
      { name: "sweep", run: async (at) => ({ ...(await sweep(engine, at)) }) },
      { name: "work", run: reapWork(work) },
      { name: "schedules", run: async (at) => ({ ...(await dueSchedules(at)) }) },
      { name: "subscriptions", run: async () => ({ published: await ended.publish(null) }) },
      { name: "shop-removal", run: async (at) => ({ ...(await continueRemovals(db, maxRemovals, at)) }) },
      { name: "shop-events", run: () => publishShopEvents(engine, (requests) => enqueue(engine, requests), createShopOutbox(db)) },
      { name: "replays", run: async () => ({ ...(await replays.continueAll()) }) },
      { name: "bulk-actions", run: async () => ({ ...(await bulkActions.continueAll()) }) },
      { name: "campaigns", run: async () => ({ revived: await campaigns.revive() }) },
      { name: "leads", run: reportSilentProjects({ db, engine }) },
      { name: "agents", run: (at) => continueAgents({ db, engine, payloads }, at) },
      { name: "mail-events", run: async (at) => ({ joined: await mail.events.join(at) }) },
      { name: "version", run: async (at) => ({ isNew: await noteVersion(db, env.VERSION, at) }) },
      { name: "open-jobs", run: async (at) => (await passEnded(db, at), {}) },
      { name: "alerts", run: sendAlerts({ db, engine, snapshots, work, reports, installationTenant: env.ALERTS_TENANT, publicUrl: stores.publicUrl }) },
      { name: "snapshots", run: async () => ({ published: await snapshots.republish(maxSnapshots) }) },
      { name: "rotation", run: async () => ({ resealed: (await rotate(stores, rotationMark(db, "rotation"))) + (await stores.installation.rotate()) }) },
      { name: "retention", run: removeOld(retention) },
      { name: "counters", run: async () => (await counters.flush(), {}) },
      { name: "usage", run: async (at) => ({ hours: await addUpHours(db, at) }) },
    ],
    clock: now,
    record: (outcomes) => createTicks(db).record(outcomes),
    beat: () => callHeartbeat(stores.installation, createHttp({ rules: stores.rules })),
    measure: (ms) => counters.time(ofInstallation, "tick", { run: ms, wait: null }),
    alert: (step, reason) => {
      engine.emit({ event: "trouble", where: `tick ${step}`, reason });
      if (dayLimitIn(reason) && engine.memory.spentDay) engine.defer(keepDayLimit(env.CONFIG, engine.memory.spentDay));
    },
  };
}
