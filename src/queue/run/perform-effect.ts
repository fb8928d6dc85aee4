import type { Act, EffectOptions, EffectRecord, Failure, Reply } from "../effect";
import { anyKey, failed, ok } from "../effect";
import type { Engine } from "../engine";
import type { RunContext } from "../job";
import { withRetry } from "../with-retry";
import type { ActiveRun } from "../active-run";
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
  return (await knownReply(engine, run, key, earlier, options)) ?? tryEffect(engine, run, key, act, earlier, options);
}

/** The reply of an effect that needs no act: it was done before, or this is a dry run. `earlier`: its record of this revision. */
async function knownReply<T>(
  engine: Engine,
  run: ActiveRun,
  key: string,
  earlier: EffectRecord | undefined,
  options: EffectOptions<T>,
): Promise<Reply<T> | undefined> {
  if (earlier?.state === "done" || (run.delivery.dry && earlier?.state === "would-do")) return ok(JSON.parse(earlier.result ?? "null") as T);
  if (run.delivery.dry) return wouldDo(engine, run, key, options.wouldDo);
  const unrecorded = engine.memory.unrecorded.find(run.job, key, run.job.revision);
  if (!unrecorded) return undefined;
  await writeDone(engine, run, unrecorded);
  return ok(JSON.parse(unrecorded.result ?? "null") as T);
}

/** Acts, unless an earlier try may have happened and must not be repeated. `earlier`: as for `knownReply`. */
async function tryEffect<T>(
  engine: Engine,
  run: ActiveRun,
  key: string,
  act: Act<T>,
  earlier: EffectRecord | undefined,
  options: EffectOptions<T>,
): Promise<Reply<T>> {
  const idempotentFor = (options.idempotentFor ?? 0) * 1000;
  const open = earlier?.state === "intent" || earlier?.state === "uncertain" ? earlier : undefined;
  const isIntentFirst = idempotentFor === 0 || options.noteFirst === true;
  // An effect whose intent is written first and that has no record was not tried.
  const begun = open?.at ?? (earlier || isIntentFirst ? undefined : (options.begun ?? doubtOf(run)));
  const tried: EffectRecord = { key, revision: run.job.revision, state: "intent", result: open?.result ?? null, at: begun ?? engine.now() };
  if (begun !== undefined && engine.now() - begun >= idempotentFor && run.contract.policy.uncertain === "discard") {
    return uncertain(engine, run, open ?? tried);
  }
  if (isIntentFirst && !(await writeEffect(engine, run, tried, run.lease.token))) return resultOfOtherRun(engine, run, key);
  if (!isIntentFirst) {
    // No intent is written here, so nothing checks the cancel flag: it is read unless that was done within `maxFlagAgeMs` (`run/heartbeat.ts`: 4 s in an old batch).
    await run.heartbeat(maxFlagAgeMs);
    run.refuseIfEnded();
  }
  (run.unanswered ??= new Map()).set(key, tried.at);
  const reply = await act(`${run.job.id}:${key}:${run.job.revision}`, open && { at: open.at, note: JSON.parse(open.result ?? "null") });
  // Where the provider distinguishes tries by the key, the answer to a repeat does not cover the first try.
  const isCertain = isIntentFirst && (idempotentFor === 0 || begun === undefined);
  await writeReply(engine, run, { ...tried, state: "uncertain" }, reply, isCertain);
  run.unanswered.delete(key);
  const mayRepeat = idempotentFor > 0 || run.contract.policy.uncertain === "retry";
  return reply.ok || reply.failure.class !== "uncertain" || mayRepeat ? reply : endedInDoubt(reply.failure);
}

/** No later try may be made, so the job need not wait for one to end. */
function endedInDoubt({ reason, providerMessage }: Failure): Reply<never> {
  const quote = providerMessage === undefined ? {} : { providerMessage };
  return failed({ class: "permanent", inDoubt: true, reason: `uncertain: ${reason}; look at the provider before replaying`, ...quote });
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

/** The ledger refused the intent: an earlier run's act was recorded meanwhile, the job was cancelled, or another run holds it. */
async function resultOfOtherRun<T>(engine: Engine, run: ActiveRun, key: string): Promise<Reply<T>> {
  const recorded = await engine.ledger.effects([run.job]);
  const done = recorded.find((each) => each.key === key && each.revision === run.job.revision && each.state === "done");
  if (!done) throw await endedBy(engine, run);
  (run.effects ??= new Map()).set(key, done);
  return ok(JSON.parse(done.result ?? "null") as T);
}

/** The effect may have happened and cannot be repeated safely: only the provider's records show it, so an operator decides. */
async function uncertain(engine: Engine, run: ActiveRun, open: EffectRecord): Promise<Reply<never>> {
  if (open.state !== "uncertain") await writeOrEnd(engine, run, { ...open, state: "uncertain" }, run.lease.token);
  // Failures are grouped by their reason, so it has no time; the effect has one.
  const reason = `uncertain: "${open.key}" was tried and may have happened; look at the provider before replaying`;
  return failed({ class: "permanent", reason });
}

async function wouldDo<T>(engine: Engine, run: ActiveRun, key: string, value: T | undefined): Promise<Reply<T>> {
  await writeOrEnd(engine, run, { key, state: "would-do", result: JSON.stringify(value ?? null), at: engine.now() }, run.lease.token);
  return ok(value as T);
}

/** `open` is the record of a try whose answer is not known. */
async function writeReply<T>(engine: Engine, run: ActiveRun, open: EffectRecord, reply: Reply<T>, isCertain: boolean) {
  const { key } = open;
  if (reply.ok) {
    const result = JSON.stringify(reply.value ?? null);
    return writeDone(engine, run, { key, state: "done", result, at: engine.now() });
  }
  const { class: kind, inDoubt, note } = reply.failure;
  if (kind === "uncertain" || inDoubt) return writeWithRetry(engine, run, note === undefined ? open : { ...open, result: JSON.stringify(note) });
  if (isCertain) return writeWithRetry(engine, run, { key, state: "failed", result: null, at: engine.now() });
}

/** An effect that happened is remembered while the ledger is away: not every provider recognises a repeat. */
async function writeDone(engine: Engine, run: ActiveRun, entry: Omit<EffectRecord, "revision">): Promise<void> {
  try {
    await writeWithRetry(engine, run, entry);
    engine.memory.unrecorded.remove(run.job, entry.key);
  } catch (thrown) {
    engine.memory.unrecorded.add(run.job, { ...entry, revision: run.job.revision });
    throw thrown;
  }
}

/** Writes what became of an act, several times if need be: without this record the next run would act again. */
async function writeWithRetry(engine: Engine, run: ActiveRun, entry: Omit<EffectRecord, "revision">): Promise<void> {
  if (!(await withRetry(engine, "effect", () => writeEffect(engine, run, entry, null)))) throw await endedBy(engine, run);
}

/** Writes a record, or ends the run when another one holds the job. A ledger that is away makes the run fail; the next one is guarded by the provider's key or the intent. */
async function writeOrEnd(engine: Engine, run: ActiveRun, entry: Omit<EffectRecord, "revision">, token: string | null): Promise<void> {
  if (!(await writeEffect(engine, run, entry, token))) throw await endedBy(engine, run);
}

/** Writes a record. False: another run holds the job, or it was cancelled. `token`: the lease that must hold the job; null: any. */
async function writeEffect(engine: Engine, run: ActiveRun, entry: Omit<EffectRecord, "revision">, token: string | null): Promise<boolean> {
  const whole = { ...entry, revision: run.job.revision };
  const held = await engine.ledger.recordEffect(run.job, whole, token);
  if (held) (run.effects ??= new Map()).set(entry.key, whole);
  return held;
}
