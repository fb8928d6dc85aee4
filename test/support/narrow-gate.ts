import type { Gates } from "../../src/queue/ports/gates";

/** The gate that has a limit in the model; others let everything through. */
export const narrow = { name: "narrow", limit: 1 };

/** Gates in memory: `narrow` has its slots, with leases, for each tenant. */
export function createNarrowGate(): Gates {
  const slots = new Map<string, Map<string, number>>();
  const slotsOf = (tenant: string, now: number) => {
    const all = slots.get(tenant) ?? new Map<string, number>();
    slots.set(tenant, all);
    for (const [lease, until] of all) if (until <= now) all.delete(lease);
    return all;
  };
  return {
    enter: (tenant, gate, ids, leaseMs, now) =>
      Promise.resolve(
        ids.map((id) => {
          const taken = slotsOf(tenant, now);
          if (gate === narrow.name && taken.size >= narrow.limit) return { granted: false as const, reason: "full", until: now + 15_000, park: false };
          const lease = crypto.randomUUID();
          if (gate === narrow.name) taken.set(lease, now + leaseMs);
          return { granted: true as const, lease: `${id} ${lease}` };
        }),
      ),
    leave: (tenant, _gate, reports, now) => {
      const taken = slotsOf(tenant, now);
      for (const { lease } of reports) taken.delete(lease.split(" ")[1] ?? "");
      return Promise.resolve();
    },
    admit: (_tenant, gate, waiting) => Promise.resolve({ count: gate === narrow.name ? Math.min(narrow.limit, waiting) : waiting, perSecond: Infinity }),
  };
}
