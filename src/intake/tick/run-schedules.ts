import { dayMs } from "../../time/day";
import { type DueSummary, runDueSchedules } from "../../domain/schedules/due";
import type { ScheduleStore } from "../../domain/schedules/store";
import { createStateLookup } from "../../ledger/states";
import type { Engine } from "../../queue/engine";
import { enqueue } from "../../queue/enqueue";
import type { Enqueue } from "../../queue/request";
import { isTerminal } from "../../queue/state";
import { createQuota } from "../../tenants/quota";
import type { TenantSettings, TenantStore } from "../../tenants/tenant";

interface ScheduleStepDeps {
  db: D1Database;
  engine: Engine;
  schedules: ScheduleStore;
  tenants: Pick<TenantStore, "settingsOf">;
  now(): number;
}

/** The tick's step: enqueues the jobs of due schedules. */
export function runSchedules({ db, engine, schedules, tenants, now }: ScheduleStepDeps): (at: number) => Promise<DueSummary> {
  const stateOf = createStateLookup(db);
  // A job without a row is open while it is new; later, retention has removed its row.
  const isOpen = async (tenant: string, id: string, plannedAt: number) => {
    const state = await stateOf(tenant, id);
    return state === null ? now() - plannedAt < dayMs : !isTerminal(state);
  };
  const deps = { store: schedules, enqueue: enqueueForMany(engine, tenants, now), isOpen };
  return (at) => runDueSchedules({ now: at, ...deps });
}

/** The engine's enqueue, with the quotas of all tenants read in one statement instead of one snapshot each. Schedules have a quota of their own. */
function enqueueForMany(engine: Engine, tenants: Pick<TenantStore, "settingsOf">, now: () => number): Enqueue {
  let settings = new Map<string, TenantSettings>();
  const limitOf = (tenant: string) => Promise.resolve(settings.get(tenant)?.quota?.jobsPerMinute);
  const many = { ...engine, quota: createQuota(limitOf, now) };
  return async (requests) => {
    settings = await tenants.settingsOf([...new Set(requests.map(({ tenant }) => tenant))]);
    return enqueue(many, requests);
  };
}
