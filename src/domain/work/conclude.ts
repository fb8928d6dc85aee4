import { aboutJob } from "../../trace";
import { redact } from "../../masking/redact";
import type { HeldJob } from "../../ledger/work/model";
import { sendStored } from "../../queue/tick/bring-back";
import type { Engine } from "../../queue/engine";
import type { GateReport } from "../../queue/ports/gates";
import type { Settled } from "../../queue/ports/run-ledger";
import { queuedNow } from "../../queue/placement";
import type { StoredJob } from "../../queue/ports/tick-ledger";
import { keyOf } from "../../queue/ref";
import { typeAtGate } from "../../queue/run/remote";
import { isTerminal } from "../../queue/state";
import { type Settlement, transitionOf } from "../../queue/run/transition";
import type { WorkDeps } from "./deps";

/** How a job of a worker continues or ends. */
interface WorkConclusion {
  job: HeldJob;
  outcome: Parameters<typeof transitionOf>[1];
  /** False: no worker received it, so no run is counted. */
  started: boolean;
  /** Digest of the worker's outcome, which identifies a repeat. */
  digest?: string;
  /** The result is the uploaded one. */
  isUploaded?: boolean;
}

/**
 * Records outcomes under the jobs' leases, by the rules of inner runs; then sends copies of jobs that continue. Returns the
 * recorded rows; a missing one had another holder. Throws when the ledger cannot be reached; then nothing was sent.
 */
export async function conclude(deps: WorkDeps, all: readonly WorkConclusion[], now = deps.engine.now()): Promise<Map<string, Settled>> {
  if (all.length === 0) return new Map();
  const { engine } = deps;
  const settlements = all.map((each) => ({ each, settlement: settlementOfConclusion(engine, each, now) }));
  const recorded = new Map<string, Settled>();
  // Jobs of one pull have the same lease in the ledger.
  for (const [nonce, group] of Map.groupBy(settlements, ({ each }) => each.job.lease ?? "")) {
    const transitions = group.map(({ settlement }) => settlement.transition);
    for (const row of await engine.ledger.settle(transitions, nonce, now)) recorded.set(keyOf(row), row);
  }
  const done = settlements.filter(({ each }) => recorded.has(keyOf(each.job)));
  for (const { each, settlement } of done) announceConcluded(engine, each, settlement, recorded.get(keyOf(each.job)));
  // The same event as after a batch of a queue, for listeners to ended jobs.
  if (done.length > 0) engine.emit({ event: "batch", queue: "work", messages: all.length, claimed: done.length, ms: engine.now() - now });
  engine.defer(tidy(deps, done));
  await sendCopies(deps, done, recorded, now);
  return recorded;
}

function settlementOfConclusion(engine: Engine, { job, outcome, started, digest, isUploaded = false }: WorkConclusion, now: number): Settlement {
  const contract = engine.registry.find(job.type)?.contract;
  if (!contract) throw new Error(`type ${job.type} is unknown to this deployment`);
  const ms = now - (job.taken ?? now);
  const about = {
    job,
    type: contract.type,
    policy: contract.policy,
    started,
    ms,
    progress: undefined,
    doubt: 0,
    urgent: false,
    now,
    random: engine.random,
  };
  const settlement = transitionOf(about, outcome);
  if (digest === undefined) return settlement;
  const { transition } = settlement;
  return { ...settlement, transition: { ...transition, settled: JSON.stringify([digest, transition.state, now, ...(isUploaded ? [1] : [])]) } };
}

function announceConcluded(engine: Engine, { job, outcome, started }: WorkConclusion, { transition }: Settlement, row: Settled | undefined): void {
  const { type, attempt, ms, reason } = transition;
  const state = row?.state ?? transition.state;
  const waited = started && job.runs === 1 && job.taken !== null ? Math.max(0, job.taken - job.at) : null;
  engine.emit({ event: "settled", ...aboutJob(job), type, attempt, outcome: outcome.kind, state, ms, ran: transition.counted, waited, reason });
}

/** Best effort: retention deletes rows that stay. */
async function tidy({ engine, ledger }: WorkDeps, done: readonly { each: WorkConclusion }[]): Promise<void> {
  const jobs = done.map(({ each }) => each.job);
  const rows = jobs.flatMap(({ tenant, id, gate, wake }) => {
    const type = typeAtGate(gate);
    return type === undefined || wake === null ? [] : [{ tenant, type, id, at: wake }];
  });
  await ledger.dropLeases(rows);
  for (const { each } of done) {
    const { outcome } = each;
    const reason = outcome.kind === "retry" ? redact(outcome.reason) : undefined;
    await leaveGates(engine, [each.job], callsOf(outcome), reason);
  }
}

/** A worker does not report its calls, so the outcome `retry` counts as a failure of its dependencies. */
function callsOf({ kind }: WorkConclusion["outcome"]): GateReport {
  if (kind === "retry") return "transient";
  return kind === "done" || kind === "again" || kind === "discard" ? "answered" : "none";
}

/** Leaves the gates that the jobs had entered. Never throws. */
export async function leaveGates(engine: Engine, jobs: readonly HeldJob[], calls: GateReport, reason?: string): Promise<void> {
  const left = jobs.flatMap(({ tenant, id, entered }) => {
    const leases = entered === null ? {} : (JSON.parse(entered) as Record<string, string>);
    return Object.entries(leases).map(([gate, lease]) => engine.gates.leave(tenant, gate, [{ id, lease, calls, reason }], engine.now()));
  });
  await Promise.all(left);
}

async function sendCopies(
  { engine, ledger }: WorkDeps,
  done: readonly { each: WorkConclusion; settlement: Settlement }[],
  recorded: ReadonlyMap<string, Settled>,
  now: number,
): Promise<void> {
  const open = done.flatMap(({ each: { job }, settlement: { transition } }) => {
    const row = recorded.get(keyOf(job));
    return row && !isTerminal(row.state) && transition.sent !== null ? [{ job, seq: row.seq, transition }] : [];
  });
  if (open.length === 0) return;
  const texts = await ledger.payloads(open.map(({ job }) => job));
  const rows = open.map(({ job, seq }): StoredJob => ({ ...job, seq, payload: texts.get(keyOf(job)) ?? null, dry: job.dry === 1 }));
  const places = new Map(open.map(({ transition }) => [keyOf(transition), transition]));
  await sendStored(engine, rows, now, (row) => places.get(keyOf(row)) ?? queuedNow(now));
}
