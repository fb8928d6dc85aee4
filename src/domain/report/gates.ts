import type { OpenGroup } from "../../ledger/open-jobs";
import type { GateView } from "../gates/model";
import { gateOf } from "./why";

export type TenantGate = GateView & { tenant: string };

export interface GateSource {
  gates(tenant: string): Promise<readonly GateView[]>;
  gatesNamed(tenant: string, names: readonly string[]): Promise<readonly GateView[]>;
}

/** Gates that one list of jobs, one answer about queues, or one report of all tenants asks. */
export const maxGates = 10;

/** Gates that are not closed: all of a tenant; of all tenants (null) only those at which jobs wait. */
export async function openGates(deps: GateSource, tenant: string | null, open: readonly OpenGroup[]): Promise<TenantGate[]> {
  const all = tenant === null ? await waitedFor(deps, open) : (await deps.gates(tenant)).map((gate) => ({ ...gate, tenant }));
  return all.filter(({ circuit }) => circuit === "open" || circuit === "half-open");
}

/** The gates at which jobs wait, those with most jobs. */
export async function waitedFor(deps: GateSource, open: readonly OpenGroup[]): Promise<TenantGate[]> {
  const counts = new Map<string, { tenant: string; gate: string; count: number }>();
  for (const group of open) {
    const { tenant, count } = group;
    const gate = gateOfGroup(group);
    if (gate !== undefined) counts.set(`${tenant} ${gate}`, { tenant, gate, count: count + (counts.get(`${tenant} ${gate}`)?.count ?? 0) });
  }
  const top = [...counts.values()].toSorted((left, right) => right.count - left.count).slice(0, maxGates);
  const views = [...Map.groupBy(top, ({ tenant }) => tenant)].map(async ([tenant, gates]) => {
    const names = gates.map(({ gate }) => gate);
    return (await deps.gatesNamed(tenant, names)).map((gate) => ({ ...gate, tenant }));
  });
  return (await Promise.all(views)).flat();
}

/** The gate that holds these jobs; undefined for what something else holds, or nothing. */
export function gateOfGroup({ kind, cause }: Pick<OpenGroup, "kind" | "cause">): string | undefined {
  if (kind !== "held" && kind !== "parked") return undefined;
  return gateOf({ gate: kind === "parked" ? cause : null, state: "waiting", reason: cause });
}
