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

/** Tenants whose gates a report of all tenants asks because of their retrying jobs: those with most of them. */
const maxRetryingTenants = 5;

/** Gates that are not closed: all of a tenant; of all tenants (null) those at which jobs wait, and those of tenants whose jobs are retrying. */
export async function openGates(deps: GateSource, tenant: string | null, open: readonly OpenGroup[]): Promise<TenantGate[]> {
  const all = tenant === null ? await ofAllTenants(deps, open) : await ofTenant(deps, tenant);
  return all.filter(({ circuit }) => circuit === "open" || circuit === "half-open");
}

/** A retrying job does not name the gate that its failures opened: the gates of its tenant are asked. */
async function ofAllTenants(deps: GateSource, open: readonly OpenGroup[]): Promise<TenantGate[]> {
  const retrying = new Map<string, number>();
  for (const { tenant, kind, count } of open) if (kind === "retrying") retrying.set(tenant, count + (retrying.get(tenant) ?? 0));
  const tenants = [...retrying].toSorted((left, right) => right[1] - left[1]).slice(0, maxRetryingTenants);
  const [waited, ...others] = await Promise.all([waitedFor(deps, open), ...tenants.map(([tenant]) => ofTenant(deps, tenant))]);
  const gates = [...waited, ...others.flat()];
  return [...new Map(gates.map((gate) => [`${gate.tenant} ${gate.dependency}`, gate])).values()];
}

async function ofTenant(deps: GateSource, tenant: string): Promise<TenantGate[]> {
  return (await deps.gates(tenant)).map((gate) => ({ ...gate, tenant }));
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
