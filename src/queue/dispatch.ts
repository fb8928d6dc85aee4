import type { EffectRecord } from "./effect";
import type { CapabilityScope, Engine, Missing } from "./engine";
import { createContext, end, reasonOf, RunEnded, type RunState } from "./context";
import type { Envelope } from "./envelope";
import type { Calls, Entry, LeaveReport } from "./gates";
import type { Capabilities, Contract, Job, Need, Run, RunBatch } from "./job";
import type { ClaimedJob, Pause } from "./ledger";
import type { Outcome } from "./outcome";
import { discard, isOutcome, retry, wait } from "./outcome";
import { upgraded } from "./registry";

/** A run that ignores its signal is given up this long after it. Milliseconds. */
const grace = 2000;
/** How long a job waits when the payload store is down. Milliseconds. */
const storeRetry = 30_000;

/** One claimed job on its way through a batch. */
export interface Task {
  job: ClaimedJob;
  envelope: Envelope;
  definition: Job;
  /** Already decided: recorded without a run. */
  verdict?: Outcome;
}

/** What a batch shares. */
export interface Batch {
  token: string;
  /** No run starts after this; those never started are released. Milliseconds. */
  deadline: number;
  leaseMs: number;
  pauses: readonly Pause[];
  /** Runs under way, for the cancel poll. */
  running: Set<RunState>;
  /** Told of each finished run, exactly once per task. */
  finished(task: Task, run: RunState, outcome: Outcome | RunEnded): void;
  /** Told of each task that was never started. */
  unstarted(task: Task): void;
  /** Told of each gate a job leaves. */
  left(tenant: string, gate: string, report: LeaveReport): void;
}

/** Runs all tasks of one type, side by side up to the policy's concurrency, or at once for a batch handler. Never throws. */
export async function dispatch(engine: Engine, batch: Batch, tasks: readonly Task[]): Promise<void> {
  const [first] = tasks;
  if (!first) return;
  const { contract } = first.definition;
  const ready = await admitted(engine, batch, await prepared(engine, batch, tasks));
  if (contract.batch) await runTogether(engine, batch, ready, contract, first.definition.run as RunBatch<Contract>);
  else await inPool(ready, contract.policy.concurrency, (each) => runOne(engine, batch, each));
}

interface Prepared {
  task: Task;
  run: RunState;
  payload: unknown;
  entries: Map<string, string>;
}

/** Loads and reads each payload, and what earlier runs left of effects. What cannot run is finished here. */
async function prepared(engine: Engine, batch: Batch, tasks: readonly Task[]): Promise<Prepared[]> {
  const effects = await earlierEffects(engine, tasks);
  const all = await Promise.all(tasks.map((task) => prepare(engine, batch, task, effects)));
  return all.filter((each) => each !== undefined);
}

async function prepare(engine: Engine, batch: Batch, task: Task, effects: EarlierEffects): Promise<Prepared | undefined> {
  const run = startState(engine, batch, task, effects);
  if (task.verdict) {
    finish(engine, batch, task, run, task.verdict);
    return undefined;
  }
  const paused = pauseOf(batch.pauses, task);
  if (paused) {
    finish(engine, batch, task, run, wait(`paused: ${paused}`, { until: engine.now(), gate: `pause/${paused}`, park: true }));
    return undefined;
  }
  if (effects === "unreachable") {
    batch.unstarted(task);
    return undefined;
  }
  const payload = await readPayload(engine, task);
  if (isOutcome(payload)) {
    finish(engine, batch, task, run, payload);
    return undefined;
  }
  return { task, run, payload: payload.value, entries: new Map() };
}

type EarlierEffects = Map<string, EffectRecord[]> | "unreachable";

/** A first run can have no effects; only jobs that ran before are looked up. */
async function earlierEffects(engine: Engine, tasks: readonly Task[]): Promise<EarlierEffects> {
  const again = tasks.filter(({ job }) => job.runs > 1 || job.revision > 0);
  const byJob = new Map<string, EffectRecord[]>();
  if (again.length === 0) return byJob;
  try {
    for (const effect of await engine.ledger.effects(again.map(({ job }) => job))) {
      const key = `${effect.tenant}/${effect.id}`;
      byJob.set(key, [...(byJob.get(key) ?? []), effect]);
    }
    return byJob;
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "effects", reason: reasonOf(thrown) });
    return "unreachable";
  }
}

function startState(engine: Engine, batch: Batch, task: Task, effects: EarlierEffects): RunState {
  const earlier = effects === "unreachable" ? [] : (effects.get(`${task.job.tenant}/${task.job.id}`) ?? []);
  return {
    job: task.job,
    contract: task.definition.contract,
    token: batch.token,
    dry: task.envelope.dry ?? false,
    controller: new AbortController(),
    effects: new Map(earlier.map((effect) => [effect.key, effect])),
    calls: new Map(),
    ended: undefined,
    startedAt: engine.now(),
    deadline: batch.deadline,
    progress: undefined,
    progressAt: 0,
  };
}

function pauseOf(pauses: readonly Pause[], task: Task): string | undefined {
  const { tenant } = task.job;
  const names = { queue: task.envelope.queue, type: task.definition.contract.type, tenant };
  const pause = pauses.find((each) => (each.tenant === "*" || each.tenant === tenant) && each.name === names[each.scope]);
  return pause && `${pause.scope}/${pause.name}`;
}

async function readPayload(engine: Engine, task: Task): Promise<{ value: unknown } | Outcome> {
  const { envelope } = task;
  let text = envelope.payload ?? null;
  if (text === null && envelope.ref !== undefined) {
    try {
      text = await engine.payloads.get(envelope.ref);
    } catch (thrown) {
      engine.emit({ event: "trouble", where: "payloads", reason: reasonOf(thrown), id: envelope.id, tenant: envelope.tenant });
      return wait("the payload store cannot be reached", { until: engine.now() + storeRetry });
    }
  }
  if (text === null) return discard("the payload is gone from the payload store");
  try {
    return { value: upgraded(task.definition.contract, JSON.parse(text), envelope.version) };
  } catch (thrown) {
    return discard(`the payload cannot be read: ${reasonOf(thrown)}`);
  }
}

/** Lets jobs through their gates, one question per gate for the whole batch; those held back wait. */
async function admitted(engine: Engine, batch: Batch, all: readonly Prepared[]): Promise<Prepared[]> {
  const byGate = new Map<string, { tenant: string; gate: string; members: Prepared[] }>();
  for (const each of all) {
    if (each.run.dry) continue;
    for (const gate of each.run.contract.gates(each.payload)) {
      const key = `${each.task.job.tenant}/${gate}`;
      const group = byGate.get(key) ?? { tenant: each.task.job.tenant, gate, members: [] };
      group.members.push(each);
      byGate.set(key, group);
    }
  }
  const heldBack = new Map<Prepared, { gate: string; entry: Entry & { granted: false } }>();
  for (const { tenant, gate, members } of byGate.values()) {
    const ids = members.map((each) => each.task.job.id);
    const entries = await engine.gates.enter(tenant, gate, ids, batch.leaseMs, engine.now());
    members.forEach((each, index) => {
      const entry = entries[index];
      if (entry?.granted) each.entries.set(gate, entry.lease);
      else if (entry) heldBack.set(each, { gate, entry });
    });
  }
  for (const [each, { gate, entry }] of heldBack) {
    leaveGates(batch, each);
    finish(engine, batch, each.task, each.run, wait(`${gate}: ${entry.reason}`, { until: entry.until, gate, park: entry.park }));
  }
  return all.filter((each) => !heldBack.has(each));
}

async function runOne(engine: Engine, batch: Batch, each: Prepared): Promise<void> {
  const { task, run } = each;
  if (engine.now() >= batch.deadline) {
    leaveGates(batch, each);
    return batch.unstarted(task);
  }
  run.startedAt = engine.now();
  batch.running.add(run);
  const outcome = await withTimeout(engine, [run], async () => {
    const capabilities = await provide(engine, run.contract, run.job.tenant, run.job.at, run);
    if ("missing" in capabilities) return discard(String(capabilities.missing));
    const context = { ...createContext(engine, run), ...capabilities } as Parameters<Run<Contract>>[1];
    return (task.definition.run as Run<Contract>)(each.payload, context);
  });
  leaveGates(batch, each);
  finish(engine, batch, task, run, outcome);
}

async function runTogether(engine: Engine, batch: Batch, all: readonly Prepared[], contract: Contract, handler: RunBatch<Contract>) {
  const [first] = all;
  if (!first) return;
  for (const { run } of all) {
    run.startedAt = engine.now();
    batch.running.add(run);
  }
  const runs = all.map(({ run }) => run);
  const outcomes = await withTimeout(engine, runs, async () => {
    const capabilities = await provide(engine, contract, null, engine.now(), first.run);
    if ("missing" in capabilities) return all.map(() => discard(String(capabilities.missing)));
    const items = all.map(({ run, payload }) => ({ payload, context: createContext(engine, run) }));
    return handler(items, capabilities, first.run.controller.signal);
  });
  for (const [index, each] of all.entries()) {
    leaveGates(batch, each);
    finish(engine, batch, each.task, each.run, Array.isArray(outcomes) ? outcomes[index] : outcomes);
  }
}

async function provide(engine: Engine, contract: Contract, tenant: string | null, at: number, run: RunState): Promise<Pick<Capabilities, Need> | Missing> {
  const scope: CapabilityScope = {
    tenant,
    at,
    signal: run.controller.signal,
    onCall: (gate, call) => {
      const worst: Calls = run.calls.get(gate) === "answered" ? "answered" : call;
      run.calls.set(gate, call === "answered" ? "answered" : worst);
    },
  };
  // The registry ties a contract to its run, and the composition root makes exactly what the contract names.
  if (contract.needs.length === 0) return {} as Pick<Capabilities, Need>;
  return engine.capabilities(contract.needs, scope) as Promise<Pick<Capabilities, Need> | Missing>;
}

/** The one place where a throw becomes a failure, and where a run that does not end is ended. */
async function withTimeout<T>(engine: Engine, runs: readonly RunState[], work: () => Promise<T>): Promise<T | Outcome | RunEnded> {
  const seconds = runs[0]?.contract.policy.timeout ?? 0;
  const timers: ReturnType<typeof setTimeout>[] = [];
  const over = new Promise<RunEnded>((resolve) => {
    timers.push(setTimeout(() => runs.forEach((run) => end(run, "timeout")), seconds * 1000));
    for (const run of runs) {
      run.controller.signal.addEventListener("abort", () => timers.push(setTimeout(() => resolve(run.ended ?? new RunEnded("timeout")), grace)));
    }
  });
  try {
    return await Promise.race([work(), over]);
  } catch (thrown) {
    const ended = runs.find((run) => run.ended)?.ended;
    if (ended) return ended;
    engine.emit({ event: "trouble", where: "run", reason: reasonOf(thrown), ...(runs[0] ? { id: runs[0].job.id, tenant: runs[0].job.tenant } : {}) });
    return retry(reasonOf(thrown));
  } finally {
    timers.forEach(clearTimeout);
  }
}

function leaveGates(batch: Batch, each: Prepared): void {
  for (const [gate, lease] of each.entries) {
    const calls = each.run.calls.get(gate) ?? "none";
    batch.left(each.task.job.tenant, gate, { id: each.task.job.id, lease, calls });
  }
  each.entries.clear();
}

function finish(engine: Engine, batch: Batch, task: Task, run: RunState, said: unknown): void {
  batch.running.delete(run);
  const outcome = verdictOf(run, said);
  // From here on nothing of this run may touch the job, however long it goes on in the background.
  run.ended ??= new RunEnded("lost");
  batch.finished(task, run, outcome);
}

function verdictOf(run: RunState, said: unknown): Outcome | RunEnded {
  const ended = run.ended ?? (said instanceof RunEnded ? said : undefined);
  if (ended && !(isOutcome(said) && said.kind === "done")) {
    return ended.why === "timeout" ? retry(`timed out after ${run.contract.policy.timeout} s`) : ended;
  }
  if (isOutcome(said)) return said;
  return retry("the run ended without an outcome: it must return done, retry, wait, again or discard");
}

async function inPool<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const lane = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
}
