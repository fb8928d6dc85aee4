import type { OpenGroup } from "../../ledger/open-jobs";
import { maxReason } from "../../tenants/gate-state";
import type { GateView } from "../gates/model";
import { gateOf } from "./why";

export type TenantGate = GateView & { tenant: string };

interface TenantGateName {
  tenant: string;
  gate: string;
}

export interface GateSource {
  /** At most so many of its gates, those of connections first. */
  gates(tenant: string, limit: number): Promise<readonly GateView[]>;
  gatesNamed(tenant: string, names: readonly string[]): Promise<readonly GateView[]>;
  /** The gates of these jobs, in their order; without those of a job whose payload is not in its row, large or unreadable. */
  gatesOf(jobs: readonly { tenant: string; id: string }[]): Promise<readonly TenantGateName[]>;
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
 * The gates at which jobs wait, and those of tenants whose jobs are retrying: a retrying job does not name the gate that its failures opened. First come
 * the gates of one job of each retrying group, then others of its tenant. At most 40, so that an answer costs no more with many gates.
 */
export async function gatesBefore(deps: GateSource, open: readonly OpenGroup[]): Promise<TenantGate[]> {
  const retrying = open.filter(({ kind }) => kind === "retrying");
  const waitedAt = gatesWaitedAt(open);
  const examples = retrying.slice(0, maxRetryingGates).map(({ tenant, example }) => ({ tenant, id: example }));
  const meant = distinctNames(await deps.gatesOf(examples), waitedAt).slice(0, maxRetryingGates);
  const counts = new Map<string, number>();
  for (const { tenant, count } of retrying) counts.set(tenant, count + (counts.get(tenant) ?? 0));
  const tenants = [...counts].toSorted((left, right) => right[1] - left[1]).slice(0, maxRetryingTenants);
  const share = Math.floor((maxRetryingGates - meant.length) / Math.max(1, tenants.length));
  const [named, ...others] = await Promise.all([ofNames(deps, [...waitedAt, ...meant]), ...tenants.map(([tenant]) => ofTenant(deps, tenant, share))]);
  const gates = [...named, ...others.flat()];
  return [...new Map(gates.map((gate) => [`${gate.tenant} ${gate.dependency}`, gate])).values()];
}

function distinctNames(names: readonly TenantGateName[], without: readonly TenantGateName[]): TenantGateName[] {
  const known = new Set(without.map(({ tenant, gate }) => `${tenant} ${gate}`));
  return [...new Map(names.map((each) => [`${each.tenant} ${each.gate}`, each])).entries()].flatMap(([key, each]) => (known.has(key) ? [] : [each]));
}

async function ofTenant(deps: GateSource, tenant: string, limit: number): Promise<TenantGate[]> {
  return limit === 0 ? [] : (await deps.gates(tenant, limit)).map((gate) => ({ ...gate, tenant }));
}

/** The gates at which jobs wait, those with most jobs. */
function gatesWaitedAt(open: readonly OpenGroup[]): TenantGateName[] {
  const counts = new Map<string, TenantGateName & { count: number }>();
  for (const group of open) {
    const { tenant, count } = group;
    const gate = gateOfGroup(group);
    if (gate !== undefined) counts.set(`${tenant} ${gate}`, { tenant, gate, count: count + (counts.get(`${tenant} ${gate}`)?.count ?? 0) });
  }
  return [...counts.values()].toSorted((left, right) => right.count - left.count).slice(0, maxGates);
}

async function ofNames(deps: GateSource, names: readonly TenantGateName[]): Promise<TenantGate[]> {
  const views = [...Map.groupBy(names, ({ tenant }) => tenant)].map(async ([tenant, gates]) =>
    (
      await deps.gatesNamed(
        tenant,
        gates.map(({ gate }) => gate),
      )
    ).map((gate) => ({ ...gate, tenant })),
  );
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
