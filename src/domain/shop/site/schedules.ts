import type { ScheduleInput } from "../../schedules/model";
import type { ScheduleStore } from "../../schedules/store";

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
