import { aboutJob, traceOf, traceparentFrom } from "../../trace";
import { sha256Hex } from "../../crypto";
import { redactedReason } from "../../masking/redact";
import type { HeldJob } from "../../ledger/work/model";
import type { Entry } from "../../queue/ports/gates";
import type { Contract } from "../../queue/job";
import { type Outcome, wait } from "../../queue/outcome";
import { keyOf } from "../../queue/ref";
import { upgraded } from "../../queue/registry";
import { unansweredEntry } from "../../queue/run/enter-gates";
import { payloadGone, payloadUnreachable, payloadUnreadable } from "../../queue/run/load";
import type { WorkDeps } from "./deps";
import { leaseDeadline } from "./model";
import type { HandedOut } from "./requests";
import { conclude, leaveGates } from "./conclude";
import { minuteMs } from "../../time/day";

/** A job with its payload in the version that its worker reads. */
interface Loaded {
  job: HeldJob;
  contract: Contract;
  version: number;
  /** Undefined: the worker loads it from the payload store. */
  payload: unknown;
  gates: readonly string[];
}

/** The loaded job, or the outcome of a job that cannot be loaded. */
type Loading = { loaded: Loaded } | { outcome: Outcome };

/**
 * Prepares taken jobs for their worker. A job that cannot be handed out (no payload, a closed gate) is settled as a run that never started. It waits
 * or is discarded, and no attempt is counted.
 */
export async function handOut(
  deps: WorkDeps,
  jobs: readonly HeldJob[],
  versions: Readonly<Record<string, readonly number[]>> | undefined,
): Promise<HandedOut[]> {
  if (jobs.length === 0) return [];
  const [texts, effects] = await Promise.all([deps.ledger.payloads(jobs.filter(({ ref }) => ref === null)), earlierEffects(deps, jobs)]);
  const loading = await Promise.all(jobs.map(async (job) => ({ job, ...(await load(deps, job, texts.get(keyOf(job)) ?? null, versions)) })));
  const loaded = loading.flatMap((each) => ("loaded" in each ? [each.loaded] : []));
  const unready = loading.flatMap((each) => ("outcome" in each ? [{ job: each.job, outcome: each.outcome, started: false }] : []));
  const { admitted, heldBack } = await enterGates(deps, loaded);
  await conclude(deps, [...unready, ...heldBack]);
  return Promise.all(admitted.map((each) => toHandedOut(deps, each, effects.get(keyOf(each.job)) ?? {})));
}

async function load(
  { engine }: WorkDeps,
  job: HeldJob,
  text: string | null,
  versions: Readonly<Record<string, readonly number[]>> | undefined,
): Promise<Loading> {
  const contract = engine.registry.find(job.type)?.contract;
  if (!contract) return { outcome: wait(`type ${job.type} is unknown to this deployment`, { until: engine.now() + minuteMs }) };
  const isStoredRead = versions?.[contract.type]?.includes(job.version) ?? false;
  const version = isStoredRead ? job.version : contract.version;
  // Handed out by its address: loaded here only for an upgrade or for gates that depend on the payload.
  if (job.ref !== null && version === job.version && !contract.isGated) return { loaded: { job, contract, version, payload: undefined, gates: [] } };
  try {
    const whole = text ?? (job.ref === null ? null : await engine.payloads.get(job.ref));
    if (whole === null) return { outcome: payloadGone() };
    return read(job, contract, version, whole);
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "payloads", reason: redactedReason(thrown), ...aboutJob(job) });
    return { outcome: payloadUnreachable(engine.now()) };
  }
}

function read(job: HeldJob, contract: Contract, version: number, text: string): Loading {
  try {
    const payload: unknown = version === job.version ? JSON.parse(text) : upgraded(contract, JSON.parse(text), job.version);
    const gates = job.dry === 1 ? [] : contract.gates(payload);
    const isByAddress = job.ref !== null && version === job.version;
    return { loaded: { job, contract, version, payload: isByAddress ? undefined : payload, gates } };
  } catch (thrown) {
    return { outcome: payloadUnreadable(thrown) };
  }
}

/** Effects of earlier runs of this revision, by key. */
async function earlierEffects({ engine }: WorkDeps, jobs: readonly HeldJob[]): Promise<Map<string, Record<string, unknown>>> {
  const again = jobs.filter(({ runs, revision }) => runs > 1 || revision > 0);
  const byJob = new Map<string, Record<string, unknown>>();
  if (again.length === 0) return byJob;
  const revisions = new Map(again.map((job) => [keyOf(job), job.revision]));
  for (const effect of await engine.ledger.effects(again)) {
    if (effect.state !== "done" || effect.revision !== revisions.get(keyOf(effect))) continue;
    byJob.set(keyOf(effect), { ...byJob.get(keyOf(effect)), [effect.key]: JSON.parse(effect.result ?? "null") as unknown });
  }
  return byJob;
}

/** One call a gate for all its jobs; a job that is held back at one gate leaves those that it has entered. */
async function enterGates({ engine, ledger }: WorkDeps, all: readonly Loaded[]) {
  const entered = new Map<Loaded, Record<string, string>>();
  const heldBack = new Map<Loaded, { gate: string; entry: Entry & { granted: false } }>();
  const wishes = all.flatMap((each) => each.gates.map((gate) => ({ each, gate })));
  const groups = [...Map.groupBy(wishes, ({ each, gate }) => `${each.job.tenant}/${gate}`).values()];
  const ask = async (group: typeof wishes) => {
    const [first] = group;
    if (!first) return;
    const leaseMs = Math.max(...group.map(({ each }) => each.job.extension ?? minuteMs));
    const ids = group.map(({ each }) => each.job.id);
    const entries = await engine.gates.enter(first.each.job.tenant, first.gate, ids, leaseMs, engine.now());
    for (const [index, { each, gate }] of group.entries()) {
      const entry = entries[index] ?? unansweredEntry(engine.now());
      if (entry.granted) entered.set(each, { ...entered.get(each), [gate]: entry.lease });
      else heldBack.set(each, { gate, entry });
    }
  };
  await Promise.all(groups.map(ask));
  await leaveGates(
    engine,
    [...heldBack.keys()].map((each) => ({ ...each.job, entered: JSON.stringify(entered.get(each) ?? {}) })),
    "none",
  );
  const admitted = all.filter((each) => !heldBack.has(each));
  const inside = admitted.filter((each) => entered.has(each));
  if (inside.length > 0)
    await ledger.enter(
      inside.map((each) => ({ tenant: each.job.tenant, id: each.job.id, nonce: each.job.lease ?? "", entered: JSON.stringify(entered.get(each)) })),
    );
  const held = [...heldBack].map(([{ job }, { gate, entry }]) => ({
    job,
    outcome: wait(`${gate}: ${entry.reason}`, { until: entry.until, gate, park: entry.park }),
    started: false,
  }));
  return { admitted, heldBack: held };
}

async function toHandedOut({ leases }: WorkDeps, { job, contract, version, payload }: Loaded, effects: Record<string, unknown>): Promise<HandedOut> {
  const nonce = job.lease ?? "";
  const lease = await leases.of(job, nonce);
  const takenAt = job.taken ?? 0;
  const extension = job.extension ?? minuteMs;
  const isStarted = job.offered !== 1;
  return {
    id: job.id,
    type: contract.type,
    version,
    tenant: job.tenant,
    seq: job.seq,
    attempt: job.attempt + 1,
    maxAttempts: job.max,
    lease,
    leaseUntil: isStarted ? job.until : takenAt + extension,
    startBy: isStarted ? takenAt : job.until,
    deadline: leaseDeadline(job, contract.policy.timeout),
    ...(payload === undefined ? { payloadUrl: await payloadPath(leases, job, nonce) } : { payload }),
    cursor: job.cursor === null ? null : (JSON.parse(job.cursor) as unknown),
    progress: job.progress === null ? null : progressFrom(job.progress),
    effects,
    idempotencyKey: `${job.id}:${job.revision}`,
    dryRun: job.dry === 1,
    traceparent: await traceparentOf(job, nonce),
    leaseSeconds: Math.ceil(extension / 1000),
    heartbeatSeconds: Math.min(contract.remote?.heartbeat ?? 20, Math.max(1, Math.floor(extension / 3000))),
  };
}

async function payloadPath(leases: WorkDeps["leases"], job: HeldJob, nonce: string): Promise<string> {
  return `/v1/work/${job.id}/payload?tenant=${job.tenant}&signature=${await leases.forPayload(job, nonce)}`;
}

/** The job's trace, and a span for each lease: a repeated pull gets the same answer. */
async function traceparentOf(job: HeldJob, nonce: string): Promise<string> {
  return traceparentFrom(traceOf(job), await sha256Hex(`span ${nonce}/${job.id}`, 16));
}

/** Progress without its time: the protocol of the workers has none. */
function progressFrom(text: string): HandedOut["progress"] {
  const { done, total, note } = JSON.parse(text) as NonNullable<HandedOut["progress"]>;
  return { done, total, note };
}
