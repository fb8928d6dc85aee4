import type { Quota } from "../queue/engine";
import { minuteMs } from "../time/day";

interface Window {
  minute: number;
  used: number;
}

/**
 * Jobs per minute that a tenant may enqueue, by its settings. Counted per isolate and minute, so that accepting a job needs no round trip;
 * a tenant whose requests are spread over several isolates gets the quota from each.
 */
export function createQuota(limitOf: (tenant: string) => Promise<number | undefined>, now: () => number): Quota {
  const windows = new Map<string, Window>();
  return {
    isSet: async (tenant) => (await limitOf(tenant)) !== undefined,
    async take(tenant, count) {
      const limit = await limitOf(tenant);
      if (limit === undefined) return { granted: count, retryAfter: 0 };
      const minute = Math.floor(now() / minuteMs);
      const window = windows.get(tenant);
      const used = window?.minute === minute ? window.used : 0;
      const granted = Math.max(0, Math.min(count, limit - used));
      windows.set(tenant, { minute, used: used + granted });
      return { granted, retryAfter: 60 - Math.floor((now() % minuteMs) / 1000) };
    },
  };
}
