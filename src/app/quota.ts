import type { Snapshots } from "../tenants/snapshot";

interface Window {
  minute: number;
  used: number;
}

/**
 * Jobs per minute a tenant may enqueue, by its settings. Counted per isolate and minute: no accept pays a round trip for it,
 * and a tenant whose requests are spread over several isolates gets the quota from each.
 */
export function createQuota(snapshots: Pick<Snapshots, "read">, now: () => number): (tenant: string, count: number) => Promise<number | null> {
  const windows = new Map<string, Window>();
  return async (tenant, count) => {
    const known = await snapshots.read(tenant, now());
    const limit = known.state === "known" ? known.snapshot.settings.quota?.jobsPerMinute : undefined;
    if (limit === undefined) return null;
    const minute = Math.floor(now() / 60_000);
    const window = windows.get(tenant);
    const used = window?.minute === minute ? window.used : 0;
    if (used + count > limit) return 60 - Math.floor((now() % 60_000) / 1000);
    windows.set(tenant, { minute, used: used + count });
    return null;
  };
}
