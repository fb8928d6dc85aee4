import type { UsageCount } from "../../ledger/usage-days";
import { type Units, usdOfUnits } from "./prices";

/**
 * Billed units of the steps of a job's life, as the benchmark counts them for a job without idempotency key and effects. One request accepts it; it
 * is written once, claimed, settled, read and removed from the queue, and deleted by retention. A failed or held attempt is read again and has a side
 * row.
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

/** Units of a replayed dead letter: its row and the replay's are written, a copy is sent, and it is claimed and settled again. */
const replayedUnits: Units = { queueOperation: 3, rowWritten: 7, rowRead: 12, cpuMillisecond: 2 };
/** Units of a job that calls an outside system: it enters and leaves a gate. */
const gatedUnits: Units = { objectRequest: 2 };

/** USD that Cloudflare bills for replaying `jobs`, of which `providerCalls` call an outside system. The price of that system is not included. */
export function replayUsd(jobs: number, providerCalls: number): number {
  return inBillionths(usdOfUnits(replayedUnits) * jobs + usdOfUnits(gatedUnits) * providerCalls);
}

/** Events of the timeline that the counters name differently. */
const counterNames: Readonly<Record<string, string>> = { retry: "retrying" };

/** USD of one job so far, estimated from its timeline as in `costsOf`. */
export function jobUsd(timeline: readonly { event: string; times: number }[]): number {
  const steps = timeline.reduce((sum, { event, times }) => sum + usdOfUnits(unitsOf[counterNames[event] ?? event] ?? {}) * times, 0);
  return inBillionths(usdOfUnits(unitsOf["enqueued"] ?? {}) + steps);
}

/** Without the digits that adding fractions leaves. */
function inBillionths(usd: number): number {
  return Math.round(usd * 1e9) / 1e9;
}

/** The cost of one type, or of one tenant. */
interface Cost {
  name: string;
  jobs: number;
  /** Estimated from counted steps and the price table; the plan's included units are not subtracted. */
  usd: number;
}

export interface Costs {
  usd: number;
  byType: Cost[];
  byTenant: Cost[];
}

/** Costs of counted steps, the highest first. */
export function costsOf(counts: readonly UsageCount[]): Costs {
  const usd = counts.reduce((sum, each) => sum + usdOfEvent(each), 0);
  return { usd, byType: withCommas(counts, ({ type }) => type), byTenant: withCommas(counts, ({ tenant }) => tenant) };
}

/** USD of one kind of step. */
function usdOfEvent({ event, count }: UsageCount): number {
  return usdOfUnits(unitsOf[event] ?? {}) * count;
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

/** A tenant's monthly cost against its budget. */
export function budgetState(spent: number, usdPerMonth: number): "within" | "near" | "over" {
  if (spent >= usdPerMonth) return "over";
  return spent >= usdPerMonth * 0.8 ? "near" : "within";
}
