import type { Act, EffectOptions, EffectRecord, Reply } from "../effect";
import { anyKey, failed, ok } from "../effect";
import type { Engine } from "../engine";
import type { RunContext } from "../job";
import { withRetry } from "../with-retry";
import type { ActiveRun } from "./active-run";
import { endedBy } from "./heartbeat";

/** Before an effect the job's flags may be this old. Milliseconds. */
const maxFlagAgeMs = 2000;

/** Acts on the outside world once per job and key: a known result is returned, intent and answer are recorded. Asked for twice at once, it is done once. */
export function performEffect<T>(engine: Engine, run: ActiveRun, key: string, act: Act<T>, options: EffectOptions<T> = {}): Promise<Reply<T>> {
  const acting = run.acting?.get(key) as Promise<Reply<T>> | undefined;
  if (acting) return acting;
  const begun = actOnce(engine, run, key, act, options).finally(() => run.acting?.delete(key));
  (run.acting ??= new Map()).set(key, begun);
  return begun;
}

async function actOnce<T>(engine: Engine, run: ActiveRun, key: string, act: Act<T>, options: EffectOptions<T>): Promise<Reply<T>> {
  run.refuseIfEnded();
  const recorded = run.effects?.get(key);
  const earlier = recorded?.revision === run.job.revision ? recorded : undefined;
  if (earlier?.state === "done" || (run.delivery.dry && earlier?.state === "would-do")) {
    return ok(JSON.parse(earlier.result ?? "null") as T);
  }
  if (run.delivery.dry) return wouldDo(engine, run, key, options.wouldDo);
  const happened = engine.memory.unrecorded.find(run.job, key, run.job.revision);
  if (happened) {
    await recordDone(engine, run, happened);
    return ok(JSON.parse(happened.result ?? "null") as T);
  }
  const idempotentFor = (options.idempotentFor ?? 0) * 1000;
  const open = earlier?.state === "intent" || earlier?.state === "uncertain" ? earlier : undefined;
  const isNoted = idempotentFor === 0 || options.noteFirst === true;
  // What is noted first and has no record was not tried.
  const begun = open?.at ?? (earlier || isNoted ? undefined : (options.begun ?? doubtOf(run)));
  const tried: EffectRecord = { key, revision: run.job.revision, state: "intent", result: open?.result ?? null, at: begun ?? engine.now() };
  if (begun !== undefined && engine.now() - begun >= idempotentFor && run.contract.policy.uncertain === "discard") {
    return uncertain(engine, run, open ?? tried);
  }
  if (isNoted && !(await noted(engine, run, tried, run.lease.token))) return doneElsewhere(engine, run, key);
  if (!isNoted) {
    // No intent is written here, so nothing checks the cancel flag: it is read unless it was read within 2 s.
    await run.heartbeat(maxFlagAgeMs);
    run.refuseIfEnded();
  }
  (run.unanswered ??= new Map()).set(key, tried.at);
  const reply = await act(`${run.job.id}:${key}:${run.job.revision}`, open && { at: open.at, note: JSON.parse(open.result ?? "null") });
  // Where the provider distinguishes tries by the key, the answer to a repeat does not cover the first try.
  const isCertain = isNoted && (idempotentFor === 0 || begun === undefined);
  await recordReply(engine, run, { ...tried, state: "uncertain" }, reply, isCertain);
  run.unanswered.delete(key);
  return reply;
}

/** Since when an earlier run of this revision is without an answer: any effect without a record may have been tried then. Milliseconds. */
function doubtOf(run: ActiveRun): number | undefined {
  const doubt = run.effects?.get(anyKey);
  return doubt?.revision === run.job.revision ? doubt.at : undefined;
}

/** What is known of an effect before it is asked for. */
export function recordedOf(run: ActiveRun, key: string): ReturnType<RunContext["recorded"]> {
  const recorded = run.effects?.get(key);
  if (recorded?.revision !== run.job.revision) return undefined;
  if (recorded.state === "done") return { value: JSON.parse(recorded.result ?? "null") as unknown };
  return recorded.state === "intent" || recorded.state === "uncertain" ? "open" : undefined;
}

/** The ledger refused the intent: a run before this one got through after all, the job shall end, or it has another holder. */
async function doneElsewhere<T>(engine: Engine, run: ActiveRun, key: string): Promise<Reply<T>> {
  const recorded = await engine.ledger.effects([run.job]);
  const done = recorded.find((each) => each.key === key && each.revision === run.job.revision && each.state === "done");
  if (!done) throw await endedBy(engine, run);
  (run.effects ??= new Map()).set(key, done);
  return ok(JSON.parse(done.result ?? "null") as T);
}

/** It may have happened and cannot be repeated safely: only the provider's records show it, so an operator decides. */
async function uncertain(engine: Engine, run: ActiveRun, open: EffectRecord): Promise<Reply<never>> {
  if (open.state !== "uncertain") await record(engine, run, { ...open, state: "uncertain" }, run.lease.token);
  const { key, at } = open;
  const when = new Date(at).toISOString();
  return failed({
    class: "permanent",
    reason: `uncertain: "${key}" was tried at ${when} and may have happened; look at the provider before replaying`,
  });
}

async function wouldDo<T>(engine: Engine, run: ActiveRun, key: string, value: T | undefined): Promise<Reply<T>> {
  await record(engine, run, { key, state: "would-do", result: JSON.stringify(value ?? null), at: engine.now() }, run.lease.token);
  return ok(value as T);
}

/** `open` is the record of a try whose answer is not known. */
async function recordReply<T>(engine: Engine, run: ActiveRun, open: EffectRecord, reply: Reply<T>, isCertain: boolean) {
  const { key } = open;
  if (reply.ok) {
    const result = JSON.stringify(reply.value ?? null);
    return recordDone(engine, run, { key, state: "done", result, at: engine.now() });
  }
  const { class: kind, inDoubt, note } = reply.failure;
  if (kind === "uncertain" || inDoubt) return happened(engine, run, note === undefined ? open : { ...open, result: JSON.stringify(note) });
  if (isCertain) return happened(engine, run, { key, state: "failed", result: null, at: engine.now() });
}

/** An effect that happened is remembered while the ledger is away: not every provider recognises a repeat. */
async function recordDone(engine: Engine, run: ActiveRun, entry: Omit<EffectRecord, "revision">): Promise<void> {
  try {
    await happened(engine, run, entry);
    engine.memory.unrecorded.remove(run.job, entry.key);
  } catch (thrown) {
    engine.memory.unrecorded.add(run.job, { ...entry, revision: run.job.revision });
    throw thrown;
  }
}

/** The act is over and this record is all that keeps the next run from it: worth some patience. */
async function happened(engine: Engine, run: ActiveRun, entry: Omit<EffectRecord, "revision">): Promise<void> {
  if (!(await withRetry(engine, "effect", () => noted(engine, run, entry, null)))) throw await endedBy(engine, run);
}

/** Durable before the run goes on. A ledger that stays away makes the run fail, and the provider's key or the intent guards the next. */
async function record(engine: Engine, run: ActiveRun, entry: Omit<EffectRecord, "revision">, token: string | null): Promise<void> {
  if (!(await noted(engine, run, entry, token))) throw await endedBy(engine, run);
}

async function noted(engine: Engine, run: ActiveRun, entry: Omit<EffectRecord, "revision">, token: string | null): Promise<boolean> {
  const whole = { ...entry, revision: run.job.revision };
  const held = await engine.ledger.recordEffect(run.job, whole, token);
  if (held) (run.effects ??= new Map()).set(entry.key, whole);
  return held;
}
