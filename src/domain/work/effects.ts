import { sha256Hex } from "../../crypto";
import type { HeldJob } from "../../ledger/work/model";
import type { JobRef } from "../../queue/ports/job-row";
import { heldJob } from "./held-job";
import type { WorkDeps } from "./deps";
import { leaseLost, noSuchJob, workRefusal, type WorkRefusal } from "./model";

interface BeginEffect extends JobRef {
  lease: string;
  key: string;
  /** How long the outside system refuses a second request with the same key. Seconds; 0: it has no idempotency keys. */
  idempotentForSeconds?: number | undefined;
}

type Begun = { ok: true; state: "new"; idempotencyKey: string } | { ok: true; state: "done"; result: unknown } | WorkRefusal;

/**
 * Begins an effect as an inner run does: the intent is recorded before the worker acts. A done effect is not repeated;
 * one that was begun under another lease and has no answer is uncertain, unless the outside system still keeps its key. The same worker
 * may repeat the call under the same lease, since the answer may have been lost. In a dry run nothing is done.
 */
export async function beginEffect(deps: WorkDeps, { lease, key, idempotentForSeconds = 0, ...ref }: BeginEffect): Promise<Begun> {
  const held = await heldJob(deps, ref, lease);
  if (!held.ok) return held;
  const { job } = held;
  const now = deps.engine.now();
  const holder = await holderOf(lease);
  const recorded = await deps.ledger.effect(ref, key);
  const earlier = recorded?.revision === job.revision ? recorded : null;
  if (earlier?.state === "done" || (job.dry === 1 && earlier?.state === "would-do")) {
    return { ok: true, state: "done", result: JSON.parse(earlier.result ?? "null") as unknown };
  }
  const isOpen = earlier?.state === "intent" || earlier?.state === "uncertain";
  const firstTry = isOpen ? earlier.at : now;
  const isRepeat = isOpen && earlier.state === "intent" && earlier.holder === holder;
  if (isOpen && !isRepeat && now - firstTry >= idempotentForSeconds * 1000 && policyOf(deps, job) === "discard") {
    if (earlier.state !== "uncertain") await deps.ledger.begin(job, { key, at: firstTry, holder, state: "uncertain" }, job.lease ?? "");
    const when = new Date(firstTry).toISOString();
    const detail = `"${key}" was begun at ${when} and may have happened; look at the outside system before replaying.`;
    return { ...workRefusal("uncertain", detail, job.state), since: firstTry };
  }
  const state = job.dry === 1 ? "would-do" : "intent";
  if (!(await deps.ledger.begin(job, { key, at: firstTry, holder, state }, job.lease ?? ""))) return notBegun(deps, ref, key, job);
  return job.dry === 1 ? { ok: true, state: "done", result: null } : { ok: true, state: "new", idempotencyKey: `${job.id}:${key}:${job.revision}` };
}

/** Why an effect was not begun: it was done meanwhile, the job is cancelled, or has another holder. */
async function notBegun({ ledger }: WorkDeps, ref: JobRef, key: string, job: HeldJob): Promise<Begun> {
  const [effect, [row]] = await Promise.all([ledger.effect(ref, key), ledger.held([ref])]);
  if (effect?.state === "done" && effect.revision === job.revision) return { ok: true, state: "done", result: JSON.parse(effect.result ?? "null") as unknown };
  if (row?.cancel === 1) return workRefusal("conflict", "The job was cancelled: begin nothing more.", row.state);
  return leaseLost(row?.state ?? null);
}

interface EndEffect extends JobRef {
  lease: string;
  key: string;
  ending: { result: unknown } | { failed: string };
}

/** Records the result of an effect. The lease that began it is enough, whichever worker holds the job now. */
export async function endEffect(deps: WorkDeps, { lease, key, ending, ...ref }: EndEffect): Promise<{ ok: true; state: "done" | "failed" } | WorkRefusal> {
  const [[job], effect, holder] = await Promise.all([deps.ledger.held([ref]), deps.ledger.effect(ref, key), holderOf(lease)]);
  if (!job) return noSuchJob();
  if (effect?.holder !== holder) return workRefusal("lease-lost", "This effect was not begun under this lease.", job.state);
  // A recorded success is never overwritten.
  if (effect.state === "would-do" || effect.state === "done") return { ok: true, state: "done" };
  const { revision } = effect;
  const at = deps.engine.now();
  const isDone = "result" in ending;
  const result = isDone ? JSON.stringify(ending.result ?? null) : null;
  await deps.engine.ledger.recordEffect(ref, { key, revision, state: isDone ? "done" : "failed", result, at }, null);
  return { ok: true, state: isDone ? "done" : "failed" };
}

function policyOf({ engine }: WorkDeps, job: HeldJob): "discard" | "retry" {
  return engine.registry.find(job.type)?.contract.policy.uncertain ?? "discard";
}

/** The lease itself is not stored. */
function holderOf(lease: string): Promise<string> {
  return sha256Hex(lease, 32);
}
