import { admitAt } from "../../queue/tick/admit";
import type { Engine } from "../../queue/engine";
import { isTerminal, type JobState } from "../../queue/state";
import { createBudget } from "../../queue/tick/turns";
import type { GateStatus } from "../../tenants/gate-state";
import type { TenantGates } from "../../tenants/gates";
import type { GateView } from "./model";
import { gatesWithParked, parkedCounts } from "./queries";

/** Gates, as operators see and control them. Throws only when the ledger cannot be reached. */
export type GateOperations = ReturnType<typeof createGateOperations>;

interface GateOperationsDeps {
  db: D1Database;
  engine: Pick<Engine, "now" | "ledger" | "gates" | "queue" | "boot" | "emit" | "random">;
  gates: Pick<TenantGates, "status" | "reset" | "probe">;
  /** Null: the job has no row. */
  stateOf(tenant: string, id: string): Promise<JobState | null>;
  /** The tenant's configured dependencies, those that most jobs call first. */
  namesOf(tenant: string): Promise<readonly string[]>;
}

/** Ledger statements and milliseconds that one call may use to admit jobs; the tick admits the rest. */
const [maxStatements, maxMilliseconds] = [60, 5000];

export function createGateOperations(deps: GateOperationsDeps) {
  const { db, engine, gates, namesOf } = deps;
  const release = (tenant: string, dependency: string) =>
    admitAt(engine as Engine, [{ tenant, gate: dependency }], engine.now(), createBudget(engine.now, maxStatements, maxMilliseconds));
  const dependenciesOf = async (tenant: string) => {
    const [named, parked] = await Promise.all([namesOf(tenant), gatesWithParked(db, tenant)]);
    return [...new Set([...named, ...parked])];
  };
  const act = async (verb: "reset" | "probe", tenant: string, dependency: string) => {
    // No Durable Object is created for a name without calls.
    if (!(await dependenciesOf(tenant)).includes(dependency) && !wasUsed(await gates.status(tenant, dependency, engine.now()))) return "unknown";
    if (!(await gates[verb](tenant, dependency, engine.now()))) return "unreachable";
    await release(tenant, dependency);
    const [view] = await views(deps, tenant, [dependency]);
    return view ?? "unreachable";
  };
  return {
    /** By name, after the cursor: the gates of configured dependencies, and those at which jobs are parked. */
    async list(tenant: string, { cursor = "", limit }: { cursor?: string | undefined; limit: number }): Promise<{ gates: GateView[]; cursor: string | null }> {
      const names = (await dependenciesOf(tenant)).filter((name) => name > cursor).sort();
      const page = names.slice(0, limit);
      return { gates: await views(deps, tenant, page), cursor: names.length > limit ? (page.at(-1) ?? null) : null };
    },
    /** At most so many of the gates of configured dependencies, in the order of `namesOf`; gates with parked jobs alone come last. */
    first: async (tenant: string, limit: number): Promise<GateView[]> => views(deps, tenant, (await dependenciesOf(tenant)).slice(0, limit)),
    /** These gates, whether they are configured or not. */
    named: (tenant: string, dependencies: readonly string[]): Promise<GateView[]> => views(deps, tenant, dependencies),
    /** Closes the circuit and admits parked jobs. */
    reset: (tenant: string, dependency: string): Promise<GateView | "unknown" | "unreachable"> => act("reset", tenant, dependency),
    /** Makes an open circuit admit one probe now. */
    probe: (tenant: string, dependency: string): Promise<GateView | "unknown" | "unreachable"> => act("probe", tenant, dependency),
    /** Resets the gates of dependencies whose settings were replaced. Never throws. */
    async changed(tenant: string, dependencies: readonly string[]): Promise<void> {
      for (const dependency of dependencies) {
        try {
          if (await gates.reset(tenant, dependency, engine.now())) await release(tenant, dependency);
        } catch (thrown) {
          // The tick admits the parked jobs.
          engine.emit({ event: "trouble", where: `gate ${dependency}`, reason: String(thrown), tenant });
        }
      }
    },
  };
}

function wasUsed(status: GateStatus | null): boolean {
  return status !== null && (status.inside > 0 || status.held.length > 0 || status.lastFailure !== null || status.circuit !== "closed");
}

async function views({ db, engine, gates, stateOf }: GateOperationsDeps, tenant: string, names: readonly string[]): Promise<GateView[]> {
  if (names.length === 0) return [];
  const [parked, statuses] = await Promise.all([parkedCounts(db, tenant, names), Promise.all(names.map((name) => gates.status(tenant, name, engine.now())))]);
  const isOpen = async (id: string) => {
    const state = await stateOf(tenant, id);
    return state === null || !isTerminal(state);
  };
  const heldAt = async (status: GateStatus | null) => (await Promise.all((status?.held ?? []).map(isOpen))).filter(Boolean).length;
  const held = await Promise.all(statuses.map(heldAt));
  return names.map((dependency, index) => gateView(dependency, statuses[index] ?? null, held[index] ?? 0, parked.get(dependency) ?? 0));
}

function gateView(dependency: string, status: GateStatus | null, held: number, parked: number): GateView {
  if (!status)
    return {
      dependency,
      circuit: "unknown",
      openUntil: null,
      openedAt: null,
      failures: 0,
      slots: { used: 0, max: 0 },
      rate: null,
      held,
      parked,
      lastFailure: null,
      refusal: null,
    };
  const { circuit, openUntil, failures, inside, concurrency, perSecond, tokens, lastFailure, refusal = null, openedAt = null } = status;
  const rate = perSecond === null ? null : { perSecond, available: tokens ?? 0 };
  return { dependency, circuit, openUntil, openedAt, failures, slots: { used: inside, max: concurrency }, rate, held, parked, lastFailure, refusal };
}
