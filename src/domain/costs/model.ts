import type { UsageCount } from "../../ledger/usage-days";
import { type Units, usdOf } from "./prices";

/**
 * Billed units of the steps of a job's life, as the benchmark counts them for a job without idempotency key and effects of its own: accepted by a request
 * of its own, written once, claimed and settled, read and removed from the queue, deleted by retention. A failed or held attempt is read again and has a side row.
 */
const unitsOf: Readonly<Record<string, Units>> = {
  enqueued: { request: 1, queueOperation: 1, rowWritten: 1, cpuMillisecond: 1 },
  done: { queueOperation: 2, rowWritten: 3, rowRead: 4, cpuMillisecond: 1 },
  dead: { queueOperation: 2, rowWritten: 5, rowRead: 4, cpuMillisecond: 1 },
  discarded: { queueOperation: 2, rowWritten: 5, rowRead: 4, cpuMillisecond: 1 },
  cancelled: { queueOperation: 2, rowWritten: 3, rowRead: 4, cpuMillisecond: 1 },
  retrying: { queueOperation: 3, rowWritten: 4, rowRead: 4, cpuMillisecond: 1 },
  waiting: { queueOperation: 3, rowWritten: 4, rowRead: 4, cpuMillisecond: 1 },
};

/** Of a dead letter that is brought back: its row and the replay's are written, a copy is sent, and it is claimed and settled once more. */
const replayedUnits: Units = { queueOperation: 3, rowWritten: 7, rowRead: 12, cpuMillisecond: 2 };
/** Of one that calls an outside system: it enters and leaves a gate. */
const gatedUnits: Units = { objectRequest: 2 };

/** USD that Cloudflare bills for bringing so many dead letters back, of which so many call an outside system. What that system bills is not in it. */
export function replayUsd(jobs: number, providerCalls: number): number {
  return usdOf(replayedUnits) * jobs + usdOf(gatedUnits) * providerCalls;
}

/** Steps of a job's life as its timeline names them, where the counters have another name. */
const counterNames: Readonly<Record<string, string>> = { retry: "retrying" };

/** USD that one job has cost so far, by the steps of its timeline and as `costsOf` estimates it. */
export function jobUsd(timeline: readonly { event: string; times: number }[]): number {
  const steps = timeline.reduce((sum, { event, times }) => sum + usdOf(unitsOf[counterNames[event] ?? event] ?? {}) * times, 0);
  return usdOf(unitsOf["enqueued"] ?? {}) + steps;
}

/** What jobs of one type, or of one tenant, cost. */
export interface Cost {
  name: string;
  jobs: number;
  /** Estimated from counted steps and the price table; what the plan includes is not taken off. */
  usd: number;
}

export interface Costs {
  usd: number;
  byType: Cost[];
  byTenant: Cost[];
}

/** Costs of counted steps, the dearest first. */
export function costsOf(counts: readonly UsageCount[]): Costs {
  const usd = counts.reduce((sum, each) => sum + usdOfEvent(each), 0);
  return { usd, byType: withCommas(counts, ({ type }) => type), byTenant: withCommas(counts, ({ tenant }) => tenant) };
}

/** USD of so many jobs that come to one event. */
function usdOfEvent({ event, count }: UsageCount): number {
  return usdOf(unitsOf[event] ?? {}) * count;
}

function withCommas(counts: readonly UsageCount[], nameOf: (count: UsageCount) => string): Cost[] {
  const groups = Map.groupBy(counts, nameOf);
  const costs = [...groups].map(([name, all]) => ({
    name,
    jobs: all.reduce((sum, { event, count }) => sum + (event === "enqueued" ? count : 0), 0),
    usd: all.reduce((sum, each) => sum + usdOfEvent(each), 0),
  }));
  return costs.toSorted((left, right) => right.usd - left.usd || (left.name < right.name ? -1 : 1));
}

/** How a tenant's month stands against its budget. */
export function budgetState(spent: number, usdPerMonth: number): "within" | "near" | "over" {
  if (spent >= usdPerMonth) return "over";
  return spent >= usdPerMonth * 0.8 ? "near" : "within";
}
