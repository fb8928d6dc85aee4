import { plural } from "../../decimal";
import type { HeavyView } from "../../ledger/heavy";
import type { OpenGroup } from "../../ledger/open-jobs";
import type { PauseView } from "../../ledger/pauses";
import { toolToApprove } from "../agents/approval";
import { circuitOf, endedOn, type FlowFacts, isPacedGroup, isUnpolled, maxReadyAgeMs, type QueueFlow } from "./flow";
import { gateOfGroup, type TenantGate } from "./gates";
import { gateWhy, openSince } from "./gate-why";
import { isoSeconds, type Why } from "./model";
import { heavySentence, paused, type PausedSite, sitePausedWhy, unpolledWhy } from "./why";
import { minuteMs } from "../../time/day";

/** Why jobs of a queue wait, in the sentence of the report and of each such job. `tenant`: whose jobs; `*`: of all. */
export type QueueWhy = Why & { tenant: string };

interface WhyFacts extends FlowFacts {
  /** Null: all tenants. */
  tenant: string | null;
  gates: readonly TenantGate[];
  heavy: readonly HeavyView[];
  /** With those that single tenants have set up. */
  allPauses: readonly PauseView[];
  /** Paused sites, by `tenant site`. */
  sites: ReadonlyMap<string, PausedSite>;
}

/** Ready jobs older than this are stuck when nothing of their queue ends, else late. */
export const maxLateMs = 10 * minuteMs;

/**
 * Why a queue's jobs wait: its pause, else what holds most of its jobs, else the open circuit behind which they are retried, else that they are late.
 * Last comes the plan of a campaign, by which its jobs wait.
 * Null: none of these.
 */
export function flowWhy(queue: string, flow: QueueFlow, facts: WhyFacts): QueueWhy | null {
  const tenant = facts.tenant ?? "*";
  const pause = facts.pauses.find(({ scope, name }) => scope === "queue" && name === queue);
  if (pause) return { ...paused(pause, facts.tenant), tenant: pause.tenant };
  return (
    heldWhy(queue, facts) ?? circuitWhy(queue, facts) ?? lateWhy(queue, flow, facts, tenant) ?? heavyWhy(queue, facts) ?? pacedWhy(queue, flow, facts, tenant)
  );
}

function circuitWhy(queue: string, { groups, circuits }: WhyFacts): QueueWhy | null {
  const gate = circuitOf(
    groups.filter((group) => group.queue === queue),
    circuits,
  );
  const why = gate && gateWhy(gate);
  return why ? { ...why, since: openSince(gate), tenant: gate.tenant } : null;
}

function pacedWhy(queue: string, { paced: count }: QueueFlow, { groups }: WhyFacts, tenant: string): QueueWhy | null {
  const [top] = groups.filter((group) => group.queue === queue && isPacedGroup(group)).toSorted((left, right) => right.count - left.count);
  if (!top) return null;
  const sentence = `${plural(count, "job")} wait${count === 1 ? "s" : ""} by the plan of ${count === 1 ? "a campaign" : "campaigns"}: ${top.cause}.`;
  return { code: "paced", sentence, since: top.oldestAt, tenant, actions: [] };
}

interface Held {
  tenant: string;
  cause: string;
  kind: OpenGroup["kind"];
  type: string;
  site: string | null;
  count: number;
  since: number;
}

function heldWhy(queue: string, facts: WhyFacts): QueueWhy | null {
  const top = topHeld(
    facts.groups.filter((group) => group.queue === queue && !isPacedGroup(group)),
    facts,
  );
  if (!top) return null;
  const { tenant, cause, since, type, site } = top;
  const pause = facts.allPauses.find((each) => (each.tenant === "*" || each.tenant === tenant) && cause === `pause/${each.scope}/${each.name}`);
  if (pause) return { ...paused(pause, facts.tenant), tenant: pause.tenant };
  const silent = facts.unpolled.find((each) => top.kind === "ready" && each.tenant === tenant && each.type === type);
  if (silent) return { ...unpolledWhy(silent, since), tenant };
  const closed = siteOf(top, facts);
  if (closed) return { ...sitePausedWhy(site ?? "", closed, since), tenant };
  return { ...waitsFor(top, facts), tenant };
}

/** At a gate, or for another reason. */
function waitsFor(top: Held, { gates }: WhyFacts): Why {
  const { tenant, type, cause, count, since } = top;
  const name = gateOfGroup(top);
  const jobs = `${plural(count, "job")} wait${count === 1 ? "s" : ""}`;
  const tool = toolToApprove(type, cause);
  if (tool !== undefined) {
    const sentence = `${jobs}: a person has to approve ${tool}.`;
    return { code: "approval", sentence, since, actions: [{ method: "GET", path: "/v1/agent-runs", label: "Decide" }] };
  }
  if (name === undefined) return { code: "waiting", sentence: `${jobs}: ${cause.replace(/[^.!?…]$/, "$&.")}`, since, actions: [] };
  const gate = gates.find((each) => each.tenant === tenant && each.dependency === name);
  const why = gate && gateWhy(gate);
  if (why) return { ...why, since: openSince(gate) ?? since };
  return { code: "at-limit", sentence: `${jobs} for ${name}, which lets jobs in again: they go on within the next minute.`, since, actions: [] };
}

/** What holds most jobs: a gate counts whether its jobs are parked or come again by themselves, a paused site whatever they wait for. */
function topHeld(groups: readonly OpenGroup[], facts: WhyFacts): Held | undefined {
  const held = new Map<string, Held>();
  for (const group of groups) {
    const { tenant, kind, count, oldestAt, type, site } = group;
    const isSilent = isUnpolled(group, facts.unpolled);
    const cause = isSilent ? `worker/${type}` : group.cause;
    if ((kind !== "held" && kind !== "parked" && !isSilent) || cause === null) continue;
    const own: Held = { tenant, cause, kind, type, site, count, since: oldestAt };
    const key = `${tenant} ${siteOf(own, facts) ? `site/${site}` : (gateOfGroup({ kind, cause }) ?? cause)}`;
    const known = held.get(key);
    held.set(key, known ? { ...known, count: count + known.count, since: Math.min(oldestAt, known.since) } : own);
  }
  return [...held.values()].toSorted((left, right) => right.count - left.count)[0];
}

/** The pause of the site whose jobs these are; a pause of their queue, type or tenant goes before it. */
function siteOf({ tenant, site, cause, kind }: Held, { sites }: WhyFacts) {
  return site === null || kind === "ready" || cause.startsWith("pause/") ? undefined : sites.get(`${tenant} ${site}`);
}

function lateWhy(queue: string, { oldestReadyAt: since, ready }: QueueFlow, { now, counts, queuesOf }: WhyFacts, tenant: string): QueueWhy | null {
  if (since === null || now - since <= maxReadyAgeMs) return null;
  const isStuck = now - since > maxLateMs && endedOn(queue, counts, queuesOf) === 0;
  return { code: "ready", sentence: lateSentence(queue, ready, since, isStuck), since, tenant, actions: [] };
}

/** The finding of ready jobs that wait for too long, in a queue in which nothing ends or in one that is behind. */
export function lateSentence(queue: string, count: number, since: number, isStuck: boolean): string {
  return isStuck
    ? `${plural(count, "job")} of the queue ${queue} wait${count === 1 ? "s" : ""} since ${isoSeconds(since)}, and none has ended in the last 5 minutes.`
    : `The queue ${queue} is behind: its oldest job waits since ${isoSeconds(since)}.`;
}

function heavyWhy(queue: string, { heavy }: WhyFacts): QueueWhy | null {
  const mark = heavy.find((each) => each.queue === queue);
  return mark ? { code: "tenant-heavy", sentence: heavySentence(mark), since: mark.since, tenant: mark.tenant, actions: [] } : null;
}
