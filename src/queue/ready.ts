import { finish, leaveGates, type Batch, type Ready, type Task } from "./batch";
import type { RunState } from "./context";
import type { EffectRecord } from "./effect";
import type { Engine } from "./engine";
import type { Entry } from "./gates";
import type { Pause } from "./ledger";
import { discard, isOutcome, retry, wait, type Outcome } from "./outcome";
import { reasonOf } from "../masking/redact";
import { keyOf } from "./ref";
import { upgraded } from "./registry";

/** How long a job waits when the payload store is down. Milliseconds. */
const storeRetry = 30_000;

/** What of these may run now, with its payload and past its gates; what may not is finished, or given back. Never throws. */
export async function ready(engine: Engine, batch: Batch, tasks: readonly Task[]): Promise<Ready[]> {
  return admitted(engine, batch, (await loaded(engine, batch, tasks)).toSorted(byUrgency));
}

/** The urgent first, else the order in which they came. */
function byUrgency(left: Ready, right: Ready): number {
  return Number(right.run.urgent) - Number(left.run.urgent);
}

/** Loads and reads each payload, and what earlier runs left of effects. What cannot run is finished here. */
async function loaded(engine: Engine, batch: Batch, tasks: readonly Task[]): Promise<Ready[]> {
  const effects = await earlierEffects(engine, tasks);
  const all = await Promise.all(tasks.map((task) => load(engine, batch, task, effects)));
  return all.filter((each) => each !== undefined);
}

async function load(engine: Engine, batch: Batch, task: Task, effects: EarlierEffects): Promise<Ready | undefined> {
  const run = startState(engine, batch, task, effects);
  if (task.decided) {
    finish(engine, batch, task, run, task.decided);
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
  run.payload = payload.value;
  try {
    run.urgent = run.contract.urgent(payload.value);
    const gates = run.dry ? [] : run.contract.gates(payload.value);
    return { task, run, payload: payload.value, gates, entries: new Map() };
  } catch (thrown) {
    finish(engine, batch, task, run, retry(reasonOf(thrown)));
    return undefined;
  }
}

type EarlierEffects = Map<string, EffectRecord[]> | "unreachable";

/** A first run can have no effects; only jobs that ran before are looked up. */
async function earlierEffects(engine: Engine, tasks: readonly Task[]): Promise<EarlierEffects> {
  const again = tasks.filter(({ job }) => job.runs > 1 || job.revision > 0);
  const byJob = new Map<string, EffectRecord[]>();
  if (again.length === 0) return byJob;
  try {
    for (const effect of await engine.ledger.effects(again.map(({ job }) => job))) {
      const key = keyOf(effect);
      byJob.set(key, [...(byJob.get(key) ?? []), effect]);
    }
    return byJob;
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "effects", reason: reasonOf(thrown) });
    return "unreachable";
  }
}

function startState(engine: Engine, batch: Batch, task: Task, effects: EarlierEffects): RunState {
  const earlier = effects === "unreachable" ? [] : (effects.get(keyOf(task.job)) ?? []);
  return {
    job: task.job,
    contract: task.definition.contract,
    token: batch.token,
    dry: task.envelope.dry ?? false,
    controller: new AbortController(),
    effects: new Map(earlier.map((effect) => [effect.key, effect])),
    calls: new Map(),
    ended: undefined,
    started: false,
    revoked: false,
    startedAt: engine.now(),
    deadline: batch.deadline,
    progress: undefined,
    payload: undefined,
    acting: new Map(),
    unanswered: new Set(),
    urgent: false,
    pulse: batch.pulse,
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
async function admitted(engine: Engine, batch: Batch, all: readonly Ready[]): Promise<Ready[]> {
  const byGate = new Map<string, { tenant: string; gate: string; members: Ready[] }>();
  for (const each of all) {
    for (const gate of each.gates) {
      const key = `${each.task.job.tenant}/${gate}`;
      const group = byGate.get(key) ?? { tenant: each.task.job.tenant, gate, members: [] };
      group.members.push(each);
      byGate.set(key, group);
    }
  }
  const heldBack = new Map<Ready, { gate: string; entry: Entry & { granted: false } }>();
  // Side by side: a gate that does not answer delays nobody but its own.
  const asked = [...byGate.values()].map(async ({ tenant, gate, members }) => {
    const ids = members.map((each) => each.task.job.id);
    const entries = await engine.gates.enter(tenant, gate, ids, batch.leaseMs, engine.now());
    for (const [index, each] of members.entries()) {
      const entry = entries[index] ?? { granted: false, reason: "the gate did not answer", until: engine.now() + 15_000, park: false };
      if (entry.granted) each.entries.set(gate, entry.lease);
      else heldBack.set(each, { gate, entry });
    }
  });
  await Promise.all(asked);
  for (const [each, { gate, entry }] of heldBack) {
    leaveGates(batch, each);
    finish(engine, batch, each.task, each.run, wait(`${gate}: ${entry.reason}`, { until: entry.until, gate, park: entry.park }));
  }
  return all.filter((each) => !heldBack.has(each));
}
