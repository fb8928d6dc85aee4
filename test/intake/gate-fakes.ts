import type { IntakeDeps } from "../../src/intake/deps";
import type { Seen } from "./bench";

const gate = {
  circuit: "open",
  openUntil: Date.UTC(2026, 9, 1, 12) + 30_000,
  failures: 5,
  slots: { used: 1, max: 100 },
  rate: { perSecond: 2, available: 1.5 },
} as const;

/** Gates that answer the same each time. */
export function gatesOn(seen: Pick<Seen, "gates">): IntakeDeps["gates"] {
  const view = (dependency: string) => ({ dependency, ...gate, held: 2, parked: 3, lastFailure: { at: Date.UTC(2026, 9, 1, 12), reason: "503" } });
  const act = async (verb: string, tenant: string, dependency: string) => {
    if (!["mail", "shop:main", "hook-x.example:8443"].includes(dependency)) return "unknown";
    seen.gates.push(`${verb} ${tenant}/${dependency}`);
    return view(dependency);
  };
  return {
    list: async (_tenant, { limit }) => ({ gates: [view("mail"), view("shop:main")].slice(0, limit), cursor: null }),
    first: async (_tenant, limit) => [view("mail"), view("shop:main")].slice(0, limit),
    named: async (_tenant, names) => names.map(view),
    reset: (tenant, dependency) => act("reset", tenant, dependency),
    probe: (tenant, dependency) => act("probe", tenant, dependency),
    changed: async (tenant, dependencies) => void seen.gates.push(...dependencies.map((dependency) => `changed ${tenant}/${dependency}`)),
  };
}
