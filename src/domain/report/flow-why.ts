import type { HeavyView } from "../../ledger/heavy";
import type { OpenGroup } from "../../ledger/open-jobs";
import type { PauseView } from "../../ledger/pauses";
import { endedOn, type FlowFacts, maxReadyAge, type QueueFlow } from "./flow";
import { gateOfGroup, type TenantGate } from "./gates";
import { gateWhy, openSince } from "./gate-why";
import { isoTime, plural, type Why } from "./model";
import { heavySentence, paused } from "./why";

/** Why jobs of a queue wait, in the sentence of the report and of each such job. `tenant`: whose jobs; `*`: of all. */
export type QueueWhy = Why & { tenant: string };

export interface WhyFacts extends FlowFacts {
  /** Null: all tenants. */
  tenant: string | null;
  gates: readonly TenantGate[];
  heavy: readonly HeavyView[];
  /** With those that single tenants have set up. */
  allPauses: readonly PauseView[];
}

/** Ready jobs older than this are stuck when nothing of their queue ends, else late. Milliseconds. */
export const maxLateMs = 10 * 60_000;

/** Its pause, else what holds most of its jobs, else that they are late; null: nothing is held and nothing is late. */
export function flowWhy(queue: string, flow: QueueFlow, facts: WhyFacts): QueueWhy | null {
  const tenant = facts.tenant ?? "*";
  const pause = facts.pauses.find(({ scope, name }) => scope === "queue" && name === queue);
  if (pause) return { ...paused(pause, facts.tenant), tenant: pause.tenant };
  return heldWhy(queue, facts) ?? lateWhy(queue, flow, facts, tenant) ?? heavyWhy(queue, facts);
}

interface Held {
  tenant: string;
  cause: string;
  kind: OpenGroup["kind"];
  count: number;
  since: number;
}

function heldWhy(queue: string, facts: WhyFacts): QueueWhy | null {
  const top = topHeld(facts.groups.filter((group) => group.queue === queue));
  if (!top) return null;
  const { tenant, cause, count, since } = top;
  const pause = facts.allPauses.find((each) => (each.tenant === "*" || each.tenant === tenant) && cause === `pause/${each.scope}/${each.name}`);
  if (pause) return { ...paused(pause, facts.tenant), tenant: pause.tenant };
  const name = gateOfGroup(top);
  const jobs = `${plural(count, "job")} wait${count === 1 ? "s" : ""}`;
  if (name === undefined) return { code: "waiting", sentence: `${jobs}: ${cause.replace(/[^.!?…]$/, "$&.")}`, since, tenant, actions: [] };
  const gate = facts.gates.find((each) => each.tenant === tenant && each.dependency === name);
  const why = gate && gateWhy(gate);
  if (why) return { ...why, since: openSince(gate) ?? since, tenant };
  return { code: "at-limit", sentence: `${jobs} for ${name}, which lets jobs in again: they go on within the next minute.`, since, tenant, actions: [] };
}

/** What holds most jobs: a gate counts whether its jobs are parked or come again by themselves. */
function topHeld(groups: readonly OpenGroup[]): Held | undefined {
  const held = new Map<string, Held>();
  for (const { tenant, kind, cause, count, oldestAt } of groups) {
    if ((kind !== "held" && kind !== "parked") || cause === null) continue;
    const key = `${tenant} ${gateOfGroup({ kind, cause }) ?? cause}`;
    const known = held.get(key);
    const since = Math.min(oldestAt, known?.since ?? Infinity);
    held.set(key, { tenant, cause, kind, ...known, count: count + (known?.count ?? 0), since });
  }
  return [...held.values()].toSorted((left, right) => right.count - left.count)[0];
}

function lateWhy(queue: string, { oldestReadyAt: since, ready }: QueueFlow, { now, counts, queuesOf }: WhyFacts, tenant: string): QueueWhy | null {
  if (since === null || now - since <= maxReadyAge) return null;
  const isStuck = now - since > maxLateMs && endedOn(queue, counts, queuesOf) === 0;
  return { code: "ready", sentence: lateSentence(queue, ready, since, isStuck), since, tenant, actions: [] };
}

/** Of ready jobs that wait for too long: of a queue in which nothing ends, or of one that is behind. */
export function lateSentence(queue: string, count: number, since: number, isStuck: boolean): string {
  return isStuck
    ? `${plural(count, "job")} of the queue ${queue} wait since ${isoTime(since)}, and none has ended in the last 5 minutes.`
    : `The queue ${queue} is behind: its oldest job waits since ${isoTime(since)}.`;
}

function heavyWhy(queue: string, { heavy }: WhyFacts): QueueWhy | null {
  const mark = heavy.find((each) => each.queue === queue);
  return mark ? { code: "tenant-heavy", sentence: heavySentence(mark), since: mark.since, tenant: mark.tenant, actions: [] } : null;
}
