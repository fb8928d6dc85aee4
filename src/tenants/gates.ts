import { logWarning } from "../trace";
import { messageOf } from "../errors";
import type { LeaveReport } from "../queue/ports/gates";
import type { Gate } from "./gate";
import type { GateLimits } from "./gate-limits";
import type { Admission, GateAnswer, GateStatus, Held } from "./gate-state";
import { withTimeLimit } from "./time-limit";

/** The gate did not answer: the job waits, rather than calling without limits. */
type Unreachable = Omit<Held, "reason"> & { reason: "unreachable" };

/**
 * The gates of all tenants. No call throws. A gate that does not answer in time holds jobs back for 15 s: a wait counts no attempt, and calls without
 * limits may harm the dependency. A slot that an unanswered `enter` granted is given to the same job when it tries again.
 */
export type TenantGates = ReturnType<typeof createGates>;

interface GatesOptions {
  /** Time limit of each of two tries. Milliseconds, default 3000. */
  timeLimit?: number;
  report?: (event: string, details: Record<string, string>) => void;
}

const unreachableForMs = 15_000;

/** `limitsOf` is called for each `enter`, `status` and `reset`, which pass the limits on: a gate stores no settings. */
export function createGates(
  namespace: DurableObjectNamespace | DurableObjectNamespace<Gate>,
  limitsOf: (tenant: string, dependency: string) => Promise<GateLimits>,
  options: GatesOptions = {},
) {
  const { timeLimit = 3000, report = logWarning } = options;
  const once = <T>(tenant: string, dependency: string, call: (gate: DurableObjectStub<Gate>) => Promise<T>) =>
    withTimeLimit(timeLimit, "The gate", call((namespace as DurableObjectNamespace<Gate>).getByName(`${tenant}/${dependency}`)));
  // Every call may be repeated: a job that has entered gets its lease again, and a returned lease is ignored.
  const ask = async <T>(tenant: string, dependency: string, call: (gate: DurableObjectStub<Gate>) => Promise<T>): Promise<{ value: T } | null> => {
    for (let last = false; ; last = true) {
      try {
        return { value: await once(tenant, dependency, call) };
      } catch (thrown) {
        if (!last) continue;
        report("gate.unreachable", { tenant, dependency, error: messageOf(thrown) });
        return null;
      }
    }
  };

  return {
    /** One answer per id, in order, in one round trip. */
    async enter(tenant: string, dependency: string, ids: readonly string[], leaseMs: number, now: number): Promise<(GateAnswer | Unreachable)[]> {
      const jobs = ids.map((id) => ({ id }));
      const answer = await ask(tenant, dependency, async (gate) => gate.enter(jobs, await limitsOf(tenant, dependency), leaseMs, now));
      return answer?.value ?? ids.map(() => unreachable(now));
    },
    /** When a report cannot be delivered, the slots become free at the end of their leases. */
    async leave(tenant: string, dependency: string, reports: readonly LeaveReport[], now: number): Promise<void> {
      await ask(tenant, dependency, (gate) => gate.leave(reports, now));
    },
    /** Admits no job for 15 s while the gate does not answer. */
    async admit(tenant: string, dependency: string, limit: number, now: number): Promise<Admission> {
      const answer = await ask(tenant, dependency, (gate) => gate.admit(limit, now));
      return answer?.value ?? { count: 0, until: now + unreachableForMs, perSecond: 0 };
    },
    /** Null while the gate does not answer. */
    async status(tenant: string, dependency: string, now: number): Promise<GateStatus | null> {
      const answer = await ask(tenant, dependency, async (gate) => gate.status(now, await limitsOf(tenant, dependency)));
      return answer === null ? null : statusFrom(answer.value);
    },
    /** Closes the circuit, under the newest limits. False: the gate did not answer. */
    reset: async (tenant: string, dependency: string, now: number): Promise<boolean> =>
      (await ask(tenant, dependency, async (gate) => gate.reset(now, await limitsOf(tenant, dependency)))) !== null,
    /** Opens the circuit until a time (milliseconds). `reason` is stored and shown, so it must be redacted. False: the gate did not answer. */
    hold: async (tenant: string, dependency: string, until: number, now: number, reason?: string): Promise<boolean> =>
      (await ask(tenant, dependency, (gate) => gate.hold(until, now, reason))) !== null,
    /** Makes an open circuit admit one probe now. False: the gate did not answer. */
    probe: async (tenant: string, dependency: string, now: number): Promise<boolean> => (await ask(tenant, dependency, (gate) => gate.probe(now))) !== null,
  };
}

/** A gate of an earlier version kept a count of held jobs instead of their ids, and no failure. */
function statusFrom({ held, lastFailure, refusal, ...status }: GateStatus): GateStatus {
  return { ...status, held: Array.isArray(held) ? held : [], lastFailure: lastFailure ?? null, refusal: refusal ?? null };
}

/** The status shown for a gate that does not answer. */
function unreachable(now: number): Unreachable {
  return { granted: false, reason: "unreachable", until: now + unreachableForMs, park: false };
}
