import { isPaced } from "../campaigns/pace";
import type { OpenGroup, StartedJob } from "../../ledger/open-jobs";
import type { PauseView } from "../../ledger/pauses";
import type { MinuteCount } from "../../ledger/views";
import { circuitKey, type TenantGate } from "./gates";

/** A queue in jobs, as the ledger has them. Times in milliseconds. */
export interface QueueFlow {
  running: number;
  ready: number;
  /** All that a gate, a pause or a wait holds back; `parked`: those of them without a message. */
  held: number;
  parked: number;
  /** Those of `held` that wait by the plan of their campaign. */
  paced: number;
  retrying: number;
  scheduled: number;
  oldestReadyAt: number | null;
  donePerMinute: number;
  failedPerMinute: number;
  /** How long the newest jobs that started had waited; null: none started lately. */
  waitP95Ms: number | null;
  health: Health;
  /** What holds jobs back, most jobs first; without the plan of a campaign. */
  heldBy: { cause: string; count: number }[];
}

/**
 * `partly-held`: jobs run or were done, while others of the queue wait or are retried behind an open circuit. `ready`: jobs were just accepted and
 * none has started. `no-worker`: the jobs are of a remote type that no worker asks for. `retrying`: nothing runs, nothing is held, and failed jobs
 * wait for their next attempt; lately more attempts failed than jobs were done. `paced`: nothing runs, and jobs wait by the plan of their campaign.
 */
export const healths = ["paused", "no-worker", "held", "at-limit", "behind", "partly-held", "flowing", "retrying", "ready", "paced", "idle"] as const;

type Health = (typeof healths)[number];

/** Ready jobs older than this are late. Milliseconds. */
export const maxReadyAgeMs = 60_000;
const maxCauses = 5;

export interface FlowFacts {
  now: number;
  groups: readonly OpenGroup[];
  started: readonly StartedJob[];
  /** Counts of the last minutes; `minutes` of them. */
  counts: readonly MinuteCount[];
  minutes: number;
  pauses: readonly PauseView[];
  /** The open circuits before the jobs. */
  circuits: ReadonlyMap<string, TenantGate>;
  /** Remote types that no worker asks for, with the tenants whose jobs wait for one. */
  unpolled: readonly { tenant: string; type: string; since: number | null }[];
  /** The queues a type travels on, its usual one first. */
  queuesOf(type: string): readonly string[];
}

/** How a queue flows. Counters know types only: a type of two queues counts where its newest jobs were. */
export function flowOf(queue: string, facts: FlowFacts): QueueFlow {
  const groups = facts.groups.filter((group) => group.queue === queue);
  const sum = (...kinds: OpenGroup["kind"][]) => groups.reduce((total, group) => total + (kinds.includes(group.kind) ? group.count : 0), 0);
  const ready = groups.filter(({ kind }) => kind === "ready").map(({ oldestAt }) => oldestAt);
  const paced = groups.filter(isPacedGroup).reduce((total, { count }) => total + count, 0);
  const flow = {
    running: sum("running"),
    ready: sum("ready"),
    held: sum("held", "parked"),
    parked: sum("parked"),
    paced,
    retrying: sum("retrying"),
    scheduled: sum("scheduled"),
    oldestReadyAt: ready.length === 0 ? null : Math.min(...ready),
    donePerMinute: perMinute(queue, facts, ["done"]),
    failedPerMinute: perMinute(queue, facts, ["retrying", "dead", "discarded", "crashed"]),
    waitP95Ms: percentile95(facts.started.filter((job) => job.queue === queue).map(({ waited }) => waited)),
    heldBy: causesOf(groups),
  };
  return { ...flow, health: healthOf(queue, flow, groups, facts) };
}

/** Whether these jobs wait by the plan of their campaign. */
export function isPacedGroup({ kind, type, cause }: Pick<OpenGroup, "kind" | "type" | "cause">): boolean {
  return (kind === "held" || kind === "parked") && isPaced(type, cause);
}

/** Whether these jobs wait for a worker, and none asks for them. */
export function isUnpolled({ tenant, type, kind }: OpenGroup, unpolled: FlowFacts["unpolled"]): boolean {
  return kind === "ready" && unpolled.some((each) => each.tenant === tenant && each.type === type);
}

/** The open circuit before most of the jobs that wait or are retried. */
export function circuitOf(groups: readonly OpenGroup[], circuits: ReadonlyMap<string, TenantGate>): TenantGate | undefined {
  const stopped = groups.filter(({ kind }) => kind === "held" || kind === "parked" || kind === "retrying");
  const largest = stopped.toSorted((left, right) => right.count - left.count).find((group) => circuits.has(circuitKey(group)));
  return largest && circuits.get(circuitKey(largest));
}

function healthOf(queue: string, flow: Omit<QueueFlow, "health">, groups: readonly OpenGroup[], { now, pauses, circuits, unpolled }: FlowFacts): Health {
  if (pauses.some(({ scope, name }) => scope === "queue" && name === queue)) return "paused";
  const ready = groups.filter(({ kind }) => kind === "ready");
  if (ready.some((group) => now - group.oldestAt > maxReadyAgeMs && !isUnpolled(group, unpolled))) return "behind";
  if (ready.some((group) => isUnpolled(group, unpolled))) return "no-worker";
  const atLimit = flow.heldBy.some(({ cause }) => /: (concurrency|rate)$/.test(cause));
  const flowing = circuitOf(groups, circuits) ? "partly-held" : "flowing";
  if (flow.running > 0) return atLimit ? "at-limit" : flowing;
  // What was done before counts for nothing while all that is left is held.
  if (flow.held > flow.paced) return atLimit ? "at-limit" : "held";
  if (flow.donePerMinute > 0 && (flow.retrying === 0 || flow.donePerMinute >= flow.failedPerMinute)) return flowing;
  if (flow.ready > 0) return "ready";
  if (flow.retrying > 0) return "retrying";
  return flow.paced > 0 ? "paced" : "idle";
}

function causesOf(groups: readonly OpenGroup[]): QueueFlow["heldBy"] {
  const counts = new Map<string, number>();
  for (const group of groups) {
    const { kind, cause, count } = group;
    if ((kind === "held" || kind === "parked") && cause !== null && !isPacedGroup(group)) counts.set(cause, (counts.get(cause) ?? 0) + count);
  }
  const all = [...counts].map(([cause, count]) => ({ cause, count }));
  return all.toSorted((left, right) => right.count - left.count || (left.cause < right.cause ? -1 : 1)).slice(0, maxCauses);
}

function perMinute(queue: string, { counts, minutes, started, queuesOf }: FlowFacts, events: readonly string[]): number {
  let total = 0;
  for (const { type, event, count } of counts) if (events.includes(event)) total += count * shareOf(queue, type, queuesOf(type), started);
  return Math.round((total / minutes) * 10) / 10;
}

/** Jobs of the types of a queue that ended, well or badly. Counters know no queue: a type counts for each of its queues. */
export function endedOn(queue: string, counts: readonly MinuteCount[], queuesOf: (type: string) => readonly string[]): number {
  const ended = counts.filter(({ type, event }) => ["done", "dead", "discarded", "cancelled"].includes(event) && queuesOf(type).includes(queue));
  return ended.reduce((sum, { count }) => sum + count, 0);
}

function shareOf(queue: string, type: string, queues: readonly string[], started: readonly StartedJob[]): number {
  if (!queues.includes(queue)) return 0;
  const recent = started.filter((job) => job.type === type);
  if (queues.length === 1 || recent.length === 0) return queues[0] === queue ? 1 : 0;
  return recent.filter((job) => job.queue === queue).length / recent.length;
}

/** The smallest value that 95 of 100 do not exceed. */
export function percentile95(values: readonly number[]): number | null {
  return values.length === 0 ? null : (values.toSorted((left, right) => left - right)[Math.ceil(values.length * 0.95) - 1] ?? null);
}
