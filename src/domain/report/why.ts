import { plural } from "../../decimal";
import type { JobView } from "../../ledger/views";
import type { HeavyView } from "../../ledger/heavy";
import type { PauseView } from "../../ledger/pauses";
import { toolToApprove } from "../agents/approval";
import { isPaced, isPausedCampaign } from "../campaigns/pace";
import type { GateView } from "../gates/model";
import { typeAtGate } from "../../queue/run/remote";
import { gateWhy } from "./gate-why";
import { type RemedyCall, isoSeconds, type Why } from "./model";

/** What is known of the things that may hold jobs back. */
export interface Surroundings {
  now: number;
  pauses: readonly PauseView[];
  /** By dependency; only those that a job names. */
  gates: ReadonlyMap<string, GateView>;
  /** Why sites are paused, by `tenant site`. */
  pausedSites: ReadonlyMap<string, PausedSite>;
  /** Remote types that no worker has asked for lately, with the time since when; empty where there are none. */
  unpolled: ReadonlyMap<string, number | null>;
  /** Queues on which the tenant is heavy. */
  heavy: readonly HeavyView[];
  /** Keys of effects in doubt, by the id of a job that failed for good. */
  doubts: ReadonlyMap<string, readonly string[]>;
}

export interface PausedSite {
  reason: string;
  since: number | null;
}

/** A job that is about to be enqueued. */
export interface Prospect {
  type: string;
  queue: string;
  /** The shop that its run reads; null: none. */
  siteId: string | null;
}

/** Why a job would wait if it were enqueued now; null: nothing holds it that is known. */
export function prospectWhy(
  tenant: string,
  job: Prospect,
  { pauses, pausedSites, unpolled }: Pick<Surroundings, "pauses" | "pausedSites" | "unpolled">,
  now: number,
): Why | null {
  const pause = pauseOf(tenant, { ...job, gate: null }, pauses);
  if (pause) return paused(pause, tenant);
  const site = job.siteId === null ? undefined : pausedSites.get(`${tenant} ${job.siteId}`);
  if (site) return sitePausedWhy(job.siteId ?? "", site, now);
  return unpolled.has(job.type) ? unpolledWhy({ type: job.type, since: unpolled.get(job.type) ?? null }, now) : null;
}

/** Why a job does not run; null for one that runs, is done or was cancelled. */
export function whyOf(tenant: string, job: JobView, around: Surroundings): Why | null {
  const { state } = job;
  if (state === "running" || state === "done" || state === "cancelled") return null;
  if (state === "dead" || state === "discarded") return deadWhy(job, state, around.doubts.get(job.id) ?? []);
  const held = heldBy(tenant, job, around);
  if (held) return held;
  if (state === "retrying") return retrying(job);
  if (state === "waiting" && isPaced(job.type, job.reason)) return paced(job);
  if (state === "waiting" && isPausedCampaign(job.type, job.reason))
    return { code: "waiting", sentence: "Its campaign is paused.", since: job.at, actions: [{ method: "GET", path: "/v1/campaigns", label: "Campaigns" }] };
  const tool = state === "waiting" ? toolToApprove(job.type, job.reason) : undefined;
  if (tool !== undefined) return awaitsApproval(job, tool);
  if (state === "waiting") return { code: "waiting", sentence: sentenceOf(job.reason ?? "It waits"), since: job.at, ...untilOf(job), actions: [runNow(job)] };
  if (job.due !== null && job.due > around.now) return scheduled(job, job.due);
  if (typeAtGate(job.gate) !== undefined) return { code: "ready", sentence: `It waits for a worker that takes ${job.type} jobs.`, since: job.at, actions: [] };
  const heavy = around.heavy.find((mark) => mark.tenant === tenant && mark.queue === job.queue);
  if (heavy) return { code: "tenant-heavy", sentence: heavySentence(heavy), since: heavy.since, actions: [] };
  return { code: "ready", sentence: `It waits for its turn in the queue ${job.queue}.`, since: Math.max(job.at, job.due ?? 0), actions: [] };
}

/** The gate a job waits at; undefined for what waits for something else. Of a job that is not parked only its reason names the gate. */
export function gateOf({ gate, state, reason }: Pick<JobView, "gate" | "state" | "reason">): string | undefined {
  if (gate !== null) return gate.startsWith("pause/") || typeAtGate(gate) !== undefined ? undefined : gate;
  return state === "waiting"
    ? /^([a-z0-9][a-z0-9.:[\]_-]{0,279}): (?:open|concurrency|rate|unreachable|the gate did not answer)$/.exec(reason ?? "")?.[1]
    : undefined;
}

function heldBy(tenant: string, job: JobView, around: Surroundings): Why | null {
  const pause = pauseOf(tenant, job, around.pauses);
  if (pause) return paused(pause, tenant);
  const dependency = gateOf(job);
  const gate = dependency === undefined ? undefined : around.gates.get(dependency);
  const site = job.siteId === null ? undefined : around.pausedSites.get(`${tenant} ${job.siteId}`);
  if (site && job.state === "waiting") return { ...sitePausedWhy(job.siteId ?? "", site, job.at), ...untilOf(job) };
  if (gate) return atGate(gate, job, around.now);
  const isLater = job.due !== null && job.due > around.now;
  if (job.state === "queued" && !isLater && around.unpolled.has(job.type))
    return unpolledWhy({ type: job.type, since: around.unpolled.get(job.type) ?? null }, job.at);
  return null;
}

/** A pause that is lifted still has its jobs for up to a minute: the tick lets them in. */
function pauseOf(tenant: string, { type, queue, gate }: Pick<JobView, "type" | "queue" | "gate">, pauses: readonly PauseView[]): PauseView | undefined {
  const names = { queue, type, tenant };
  const holds = ({ scope, name }: PauseView) => names[scope] === name || gate === `pause/${scope}/${name}`;
  return pauses.find((pause) => (pause.tenant === "*" || pause.tenant === tenant) && holds(pause));
}

/** As `tenant` sees it; null: of the installation, which alone lifts a pause for all tenants. */
export function paused(pause: PauseView, tenant: string | null): Why {
  const actions = pause.tenant === "*" && tenant !== null ? [] : [resumeOf(pause)];
  return { code: "paused", sentence: pauseSentence(pause), since: pause.since, actions };
}

export function pauseSentence({ scope, name, tenant, since, actor, actorName, reason }: PauseView): string {
  const whose = tenant === "*" ? " for all tenants" : "";
  const by = actorName ?? actor;
  return `The ${scope} ${name} is paused${whose} since ${isoSeconds(since)}${by ? ` by ${by}` : ""}${reason ? `: ${reason}` : ""}.`;
}

export function resumeOf({ scope, name }: Pick<PauseView, "scope" | "name">): RemedyCall {
  return { method: "POST", path: `/v1/${scope}s/${name}/resume`, label: "Resume" };
}

function atGate(gate: GateView, job: JobView, now: number): Why {
  const common = { since: job.startedAt ?? job.at, ...untilOf(job) };
  const why = gateWhy(gate);
  if (why) return { ...common, ...why };
  const next = job.due !== null && job.due > now ? `at ${isoSeconds(job.due)}` : "within the next minute";
  return { ...common, code: "at-limit", sentence: `It waited for ${gate.dependency}, which is free again; it goes on ${next}.`, actions: [runNow(job)] };
}

/** Why a job waits whose site is paused. `waitingSince` is used where the time of the pause is not known. */
export function sitePausedWhy(site: string, { reason, since }: PausedSite, waitingSince: number): Why {
  const test: RemedyCall = { method: "POST", path: `/v1/sites/${site}/test`, label: "Test the site" };
  return { code: "site-paused", sentence: sitePausedSentence(site, reason), since: since ?? waitingSince, actions: [test] };
}

export function sitePausedSentence(site: string, reason: string): string {
  return `The site ${site} is paused: ${reason}`;
}

export function unpolledSentence(type: string, since: number | null): string {
  return since === null ? `No worker has ever asked for ${type} jobs.` : `No worker has asked for ${type} jobs since ${isoSeconds(since)}.`;
}

export function heavySentence({ tenant, queue, since }: HeavyView): string {
  return `The tenant ${tenant} is heavy on the queue ${queue} since ${isoSeconds(since)}: its jobs run from the queue overflow, so that those of other tenants do not wait behind them.`;
}

/** Why a job waits whose remote type no worker asks for. */
export function unpolledWhy({ type, since }: { type: string; since: number | null }, waitingSince: number): Why {
  return {
    code: "no-worker",
    sentence: unpolledSentence(type, since),
    since: since ?? waitingSince,
    actions: [{ method: "GET", path: "/v1/workers", label: "Workers" }],
  };
}

/** No remedy but the decision: running it now would end in the same wait. */
function awaitsApproval(job: JobView, tool: string): Why {
  const end = job.due === null ? "" : ` Without a decision the run ends at ${isoSeconds(job.due)}.`;
  const sentence = `A person has to approve ${tool}.${end}`;
  return {
    code: "approval",
    sentence,
    since: job.startedAt ?? job.at,
    ...untilOf(job),
    actions: [{ method: "GET", path: `/v1/agent-runs/${job.id}`, label: "Decide" }],
  };
}

/** Running it now would end in the same wait. */
function paced(job: JobView): Why {
  return { code: "paced", sentence: `It waits by the plan of its campaign: ${job.reason}.`, since: job.at, ...untilOf(job), actions: [] };
}

function scheduled(job: JobView, due: number): Why {
  return { code: "scheduled", sentence: `It is scheduled for ${isoSeconds(due)}.`, since: job.at, until: due, actions: [runNow(job)] };
}

function retrying(job: JobView): Why {
  const { attempt, maxAttempts, reason, due } = job;
  const next = due === null ? "within the next minute" : `at ${isoSeconds(due)}`;
  const sentence = `Attempt ${attempt} of ${maxAttempts} failed: ${sentenceOf(reason ?? "unknown")} The next one is ${next}.`;
  return { code: "retrying", sentence, since: job.startedAt ?? job.at, ...untilOf(job), actions: [runNow(job)] };
}

/** A job that was discarded with an uncertain effect ends in the same way until a person has recorded whether the effect happened. */
function deadWhy(job: JobView, state: "dead" | "discarded", doubts: readonly string[]): Why {
  const how = state === "dead" ? `It failed ${plural(job.attempt, "time")}` : "It failed for good";
  const failure = `${how}: ${sentenceOf(job.reason ?? "unknown")}`;
  const retry: RemedyCall = { method: "POST", path: `/v1/jobs/${job.id}/retry`, label: "Retry" };
  if (state === "dead" || doubts.length === 0) return { code: state, sentence: failure, since: job.endedAt, actions: [retry] };
  const [it, named] = doubts.length === 1 ? ["whether it happened", "The effect"] : ["which of them happened", "The effects"];
  const sentence = `${failure} ${named} ${doubts.join(", ")} may have happened: settle ${it} before a retry.`;
  return { code: state, sentence, since: job.endedAt, actions: doubts.flatMap((key) => settlingOf(job, key)) };
}

function settlingOf({ id }: JobView, key: string): RemedyCall[] {
  const path = `/v1/jobs/${id}/effects`;
  return [
    { method: "POST", path, label: "It happened", body: { key, state: "done" } },
    { method: "POST", path, label: "It did not happen", body: { key, state: "failed" } },
  ];
}

function runNow({ id }: JobView): RemedyCall {
  return { method: "POST", path: `/v1/jobs/${id}/run-now`, label: "Run now" };
}

function untilOf({ due }: JobView): { until?: number } {
  return due === null ? {} : { until: due };
}

function sentenceOf(reason: string): string {
  return /[.!?…]$/.test(reason) ? reason : `${reason}.`;
}
