import type { ScheduleStore } from "../../schedules/store";
import type { SiteScope } from "../scope";
import { startRemoval } from "./remove";
import { connect } from "./store";
import type { ScheduleInput } from "../../schedules/model";
import type { Queries } from "../../../ledger/queries";
import type { Engine } from "../../../queue/engine";
import { retryNow } from "../../../queue/operate";

interface ConnectDeps {
  schedules: Pick<ScheduleStore, "give" | "removeSite">;
  /** Wakes the jobs that wait for a site. */
  wake(tenant: string, site: string): Promise<void>;
}

/** After a site was set: ends its pause, adds its schedules and wakes its jobs. */
export async function connectSite({ schedules, wake }: ConnectDeps, scope: SiteScope, moved: boolean, now: number): Promise<void> {
  const { tenant, site } = scope;
  await connect(scope, moved, now);
  await wake(tenant, site);
  await addSchedules(schedules, tenant, site, now);
}

/** After a site was removed: deletes its schedules, stored rows and purchase orders. The tick deletes what one request cannot. */
export async function disconnectSite({ schedules }: Pick<ConnectDeps, "schedules">, scope: SiteScope, now: number): Promise<void> {
  await schedules.removeSite(scope.tenant, scope.site);
  await startRemoval(scope, now);
}

const defaults = ["sync-orders", "sync-products"] as const;
const threeHours = 3 * 3600;

/** Adds a site's schedules: orders and products every three hours, spread by site. Schedules that exist stay unchanged. */
export async function addSchedules(schedules: Pick<ScheduleStore, "give">, tenant: string, site: string, now: number): Promise<void> {
  await schedules.give(tenant, Object.fromEntries(defaults.map((type) => [scheduleName(type, site), inputFor(type, site)])), now);
}

/** `sync-orders-main`; a site whose name is too long gets a hash instead. */
export function scheduleName(type: string, site: string): string {
  const name = `${type}-${site}`;
  return name.length <= 63 ? name : `${name.slice(0, 54)}-${hash(site)}`;
}

function inputFor(type: (typeof defaults)[number], site: string): ScheduleInput {
  return {
    type,
    payload: type === "sync-products" ? { siteId: site, incremental: true, linkVendors: true } : { siteId: site },
    siteId: site,
    cron: "0 */3 * * *",
    timezone: "UTC",
    misfire: "once",
    overlap: "skip",
    spreadSeconds: threeHours - 60,
    enabled: true,
  };
}

/** FNV-1a. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0)!, 0x01000193);
  return (value >>> 0).toString(16).padStart(8, "0");
}

/** Jobs woken at once. */
const maxWoken = 200;

/** Wakes up to 200 jobs that wait for a site; further ones wake at their own time. */
export async function wakeSite(engine: Engine, queries: Pick<Queries, "jobs">, tenant: string, site: string): Promise<void> {
  const { jobs } = await queries.jobs(tenant, { siteId: site, state: "waiting" }, { limit: maxWoken });
  const refs = jobs.map(({ id }) => ({ tenant, id }));
  if (refs.length > 0) await retryNow(engine, refs, { event: "resumed", from: ["waiting"] });
}
