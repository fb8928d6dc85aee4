import type { OpenGroup } from "../../ledger/open-jobs";
import { maxReason } from "../../tenants/gate-state";
import type { GateView } from "../gates/model";
import { gateOf } from "./why";

export type TenantGate = GateView & { tenant: string };

export interface GateSource {
  /** At most so many of its gates, those of connections first. */
  gates(tenant: string, limit: number): Promise<readonly GateView[]>;
  gatesNamed(tenant: string, names: readonly string[]): Promise<readonly GateView[]>;
}

/** Gates at which jobs wait that one list of jobs, one answer about queues, or one report of all tenants asks. */
export const maxGates = 10;

/** Gates that are asked because jobs are retrying, of all tenants together: each gate is a call of its own. */
const maxRetryingGates = 30;

/** Gates that the report of one tenant asks. */
const maxTenantGates = 200;

/** Tenants whose gates a report of all tenants asks because of their retrying jobs: those with most of them. */
const maxRetryingTenants = 5;

/** Gates that are not closed: all of a tenant; of all tenants (null) those that hold jobs, or may. */
export async function openGates(deps: GateSource, tenant: string | null, open: readonly OpenGroup[]): Promise<TenantGate[]> {
  return (tenant === null ? await gatesBefore(deps, open) : await ofTenant(deps, tenant, maxTenantGates)).filter(isOpen);
}

/**
 * The gates at which jobs wait, and those of tenants whose jobs are retrying: a retrying job does not name the gate that its failures opened.
 * At most 40, so that an answer costs no more with many gates.
 */
export async function gatesBefore(deps: GateSource, open: readonly OpenGroup[]): Promise<TenantGate[]> {
  const retrying = new Map<string, number>();
  for (const { tenant, kind, count } of open) if (kind === "retrying") retrying.set(tenant, count + (retrying.get(tenant) ?? 0));
  const tenants = [...retrying].toSorted((left, right) => right[1] - left[1]).slice(0, maxRetryingTenants);
  const share = Math.floor(maxRetryingGates / Math.max(1, tenants.length));
  const [waited, ...others] = await Promise.all([waitedFor(deps, open), ...tenants.map(([tenant]) => ofTenant(deps, tenant, share))]);
  const gates = [...waited, ...others.flat()];
  return [...new Map(gates.map((gate) => [`${gate.tenant} ${gate.dependency}`, gate])).values()];
}

async function ofTenant(deps: GateSource, tenant: string, limit: number): Promise<TenantGate[]> {
  return (await deps.gates(tenant, limit)).map((gate) => ({ ...gate, tenant }));
}

/** The gates at which jobs wait, those with most jobs. */
async function waitedFor(deps: GateSource, open: readonly OpenGroup[]): Promise<TenantGate[]> {
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

/**
 * The open circuits before these jobs, by `circuitKey`: jobs of the same tenant, type and site wait at it, or are retried after the failure that it has
 * seen last.
 */
export function circuitsBefore(open: readonly OpenGroup[], gates: readonly TenantGate[]): ReadonlyMap<string, TenantGate> {
  const circuits = gates.filter(isOpen);
  const found = new Map<string, TenantGate>();
  for (const group of circuits.length === 0 ? [] : open) {
    const gate = circuits.find((each) => each.tenant === group.tenant && isBefore(each, group));
    if (gate) found.set(circuitKey(group), gate);
  }
  return found;
}

export function circuitKey({ tenant, type, site }: Pick<OpenGroup, "tenant" | "type" | "site">): string {
  return `${tenant} ${type} ${site ?? ""}`;
}

function isBefore({ dependency, lastFailure, refusal }: TenantGate, group: OpenGroup): boolean {
  const { kind, cause } = group;
  if (kind !== "retrying") return gateOfGroup(group) === dependency;
  return cause !== null && [lastFailure, refusal].some((failure) => failure?.reason === cause.slice(0, maxReason));
}

function isOpen({ circuit }: TenantGate): boolean {
  return circuit === "open" || circuit === "half-open";
}

/** The gate that holds these jobs; undefined for what something else holds, or nothing. */
export function gateOfGroup({ kind, cause }: Pick<OpenGroup, "kind" | "cause">): string | undefined {
  if (kind !== "held" && kind !== "parked") return undefined;
  return gateOf({ gate: kind === "parked" ? cause : null, state: "waiting", reason: cause });
}
