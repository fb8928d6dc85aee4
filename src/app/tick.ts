import { forgetRuns } from "../domain/agents/erase";
import { forgetRecipients } from "../domain/campaigns/forget";
import { campaignObjects } from "../domain/campaigns/objects";
import { forgetOld } from "../domain/events/retention";
import { removeOldBots } from "../domain/leads/erase";
import { runDueSchedules } from "../domain/schedules/due";
import type { EndedJobs } from "../domain/subscriptions/ended";
import { shopOutbox } from "../domain/shop/events";
import { clearLeaving } from "../domain/shop/site/remove";
import type { WorkerEnv } from "../env";
import type { IntakeDeps } from "../intake/deps";
import type { TickDeps } from "../intake/tick";
import type { Counters } from "../ledger/counters";
import { defaultRetention, leastRetention, retain, type RetentionDays } from "../ledger/retention";
import { statesIn } from "../ledger/states";
import type { createPayloads } from "../ledger/payloads";
import { ticksIn } from "../ledger/ticks";
import { turnMark } from "../ledger/watermarks";
import type { createReplays } from "../domain/replays/replay";
import type { Engine } from "../queue/engine";
import { enqueue } from "../queue/enqueue";
import type { Enqueue } from "../queue/request";
import { isTerminal } from "../queue/state";
import { sweep } from "../queue/sweep";
import type { TenantSettings } from "../tenants/tenant";
import { alertStep } from "./alerts";
import { silenceStep } from "./leads";
import { wakeDecided } from "./agents";
import { log } from "./log";
import { createMailStores, type MailStores } from "./mail-stores";
import { createQuota } from "../tenants/quota";
import { rotate } from "./rotation";
import { publishShopEvents } from "./shop-events";
import type { Stores } from "./stores";

/** Milliseconds. */
const day = 24 * 3_600_000;

export interface TickParts {
  env: WorkerEnv;
  now(): number;
  engine: Engine;
  counters: Counters;
  payloads: ReturnType<typeof createPayloads>;
  ended: EndedJobs;
  stores: Stores;
}

/** What one tick does of each: its steps share the 1,000 statements that D1 allows one invocation. */
const mostSchedules = 300;
const mostSnapshots = 30;
const mostWoken = 50;
/** Of each of five sites. */
const mostRemovals = 20;

/** The tick's steps, in their order: what others wait for comes first. */
export function createTickDeps(
  { env, now, engine, counters, payloads, ended, stores }: TickParts,
  intake: IntakeDeps & { replays: ReturnType<typeof createReplays> },
): TickDeps {
  const stateOf = statesIn(env.DB);
  const mail = createMailStores(env.DB, stores);
  // A job that was accepted and is not written yet is open; one that is missing later was removed by retention.
  const isOpen = async (tenant: string, id: string, plannedAt: number) => {
    const state = await stateOf(tenant, id);
    return state === null ? now() - plannedAt < day : !isTerminal(state);
  };
  const schedules = { store: stores.schedules, enqueue: enqueueForMany(engine, stores, now), isOpen };
  const retention = {
    db: env.DB,
    daysOf: async (tenants: readonly string[]) => new Map([...(await stores.tenants.settingsOf(tenants))].map(([tenant, own]) => [tenant, daysFrom(own)])),
    removePayloads: (keys: readonly string[]) => payloads.remove(keys),
  };
  return {
    steps: [
      { name: "sweep", run: async (at) => ({ ...(await sweep(engine, at)) }) },
      { name: "schedules", run: async (at) => ({ ...(await runDueSchedules({ now: at, ...schedules }, mostSchedules)) }) },
      { name: "subscriptions", run: async () => ({ told: await ended.tell(null) }) },
      { name: "shop-removal", run: async (at) => ({ ...(await clearLeaving(env.DB, mostRemovals, at)) }) },
      { name: "shop-events", run: async () => ({ ...(await publishShopEvents(engine, intake.enqueue, shopOutbox(env.DB))) }) },
      { name: "replays", run: async () => ({ ...(await intake.replays.continueAll()) }) },
      { name: "leads", run: silenceStep({ env, engine }) },
      { name: "agents", run: async (at) => ({ ...(await agentStep({ env, engine: () => engine, payloads }, at)) }) },
      { name: "mail-events", run: async (at) => ({ joined: await mail.events.join(at) }) },
      { name: "alerts", run: alertStep({ env, engine, stores }) },
      { name: "snapshots", run: async () => ({ published: await stores.snapshots.republish(mostSnapshots) }) },
      { name: "rotation", run: async () => ({ resealed: await rotate(stores, turnMark(env.DB, "rotation")) }) },
      { name: "retention", run: async (at) => ({ ...(await forget(env, mail, at)), ...(await retain(retention, at)) }) },
      { name: "counters", run: async () => (await counters.flush(), {}) },
    ],
    clock: now,
    record: (outcomes) => ticksIn(env.DB).record(outcomes),
    alert: (step, reason) => log({ event: "trouble", where: `tick ${step}`, reason }),
  };
}

/** As the engine's own, with the quotas of all tenants in one statement: each would read a snapshot. Schedules use up a quota of their own. */
function enqueueForMany(engine: Engine, { tenants }: Pick<Stores, "tenants">, now: () => number): Enqueue {
  let settings = new Map<string, TenantSettings>();
  const limitOf = (tenant: string) => Promise.resolve(settings.get(tenant)?.quota?.jobsPerMinute);
  const many = { ...engine, quota: createQuota(limitOf, now) };
  return async (requests) => {
    settings = await tenants.settingsOf([...new Set(requests.map(({ tenant }) => tenant))]);
    return enqueue(many, requests);
  };
}

/** Wakes runs that a person decided on, and removes those whose jobs are gone. */
async function agentStep({ env, engine, payloads }: Pick<TickParts, "env" | "payloads"> & { engine: () => Engine }, now: number) {
  const woken = await wakeDecided({ env, engine }, mostWoken);
  const mark = turnMark(env.DB, "agents");
  // No run of a job that is accepted and not written yet goes.
  const { removed, last } = await forgetRuns(env.DB, payloads, await mark.read(), now - day);
  await mark.write(last);
  return { woken, removed };
}

/** What is not the ledger's and grows old as well. */
async function forget({ DB: db, PAYLOADS: bucket }: WorkerEnv, mail: MailStores, now: number): Promise<Record<string, number>> {
  const campaigns = await forgetRecipients({ db, objects: campaignObjects(bucket), countsOf: mail.events.countsOf }, now);
  const mails = (await mail.sent.forgetOld(now)) + (await mail.events.forgetOld(now));
  return { mails, campaigns, bots: await removeOldBots(db, now), facts: await forgetOld(db, (walk) => turnMark(db, `retention-${walk}`), now) };
}

function daysFrom({ retention }: TenantSettings): RetentionDays {
  const days = { ...defaultRetention, ...retention };
  return Object.fromEntries(Object.entries(days).map(([what, count]) => [what, Math.max(leastRetention, count)])) as RetentionDays;
}
