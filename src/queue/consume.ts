import { redelivery } from "./backoff";
import type { RunState } from "./context";
import type { Batch, Task } from "./batch";
import { dispatch, lastStart } from "./dispatch";
import type { Engine } from "./engine";
import { newRow } from "./prepare";
import { parseEnvelope, type Envelope } from "./envelope";
import { type Foreign, type ForeignReader, type ForeignReaders, takeForeign } from "./foreign";
import type { LeaveReport } from "./gates";
import type { Claim, ClaimedJob, Lease } from "./ledger";
import { retry } from "./outcome";
import { createPulse } from "./pulse";
import { reasonOf } from "../masking/redact";
import { keyOf } from "./ref";
import { payloadOf, readable } from "./registry";
import { ack, judge, later, refOf, type Delivery } from "./judge";
import { tellGates, settleWave, waveEvery, type Finished } from "./settle";

/** A batch ends after this, below the platform's 15 minutes. Milliseconds. */
export const longestBatch = 12 * 60_000;
/** A lease outlives its batch by this, so that nobody else starts while the last wave is recorded. Milliseconds. */
export const leaseMargin = 60_000;
/** Flags of running jobs are read this often, once a batch runs longer than this. Milliseconds. */
const cancelPoll = 2000;

/** The queue handler: settles every message of the batch on its own, never throws and leaves nothing running. */
export async function consume(engine: Engine, messages: readonly Message[], queue: string, readers: ForeignReaders = {}): Promise<void> {
  const startedAt = engine.now();
  try {
    const deliveries = await sort(engine, messages, queue, readers[queue]);
    const claimed = await claimAndRun(engine, deliveries);
    engine.emit({ event: "batch", queue, messages: messages.length, claimed, ms: engine.now() - startedAt });
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "consume", reason: reasonOf(thrown), queue });
    for (const message of messages) message.retry({ delaySeconds: redelivery(message.attempts, engine.random) });
  }
}

/** Parses and groups by id; what is no envelope goes to the queue's reader, what this deployment cannot read is left for later. */
async function sort(engine: Engine, messages: readonly Message[], queue: string, reader: ForeignReader | undefined): Promise<Delivery[]> {
  const groups = new Map<string, { envelope: Envelope; messages: Message[]; unaskedAt?: number }>();
  const foreign: Foreign[] = [];
  for (const message of messages) {
    const parsed = parseEnvelope(message.body);
    if (parsed.kind === "foreign") foreign.push({ message, raw: parsed.raw });
    else if (parsed.kind === "future") later(engine, [message]);
    else {
      const key = keyOf(parsed.envelope);
      const group = groups.get(key) ?? { envelope: parsed.envelope, messages: [] };
      if (parsed.envelope.fp !== group.envelope.fp) {
        // Another payload under the same key: judged on its own, once the first one's row is there.
        later(engine, [message]);
        continue;
      }
      if (parsed.envelope.unasked) group.unaskedAt = Math.max(group.unaskedAt ?? 0, parsed.envelope.at);
      if (parsed.envelope.seq > group.envelope.seq) group.envelope = parsed.envelope;
      group.messages.push(message);
      groups.set(key, group);
    }
  }
  await takeForeign(engine, reader, foreign, queue);
  return [...groups.values()].flatMap((group) => {
    const definition = engine.registry.find(group.envelope.type);
    if (definition && readable(definition.contract, group.envelope.version)) return [{ ...group, definition }];
    const what = `type ${group.envelope.type} version ${group.envelope.version} is unknown to this deployment`;
    engine.emit({ event: "trouble", where: "registry", reason: what, queue, tenant: group.envelope.tenant, id: group.envelope.id });
    later(engine, group.messages);
    return [];
  });
}

async function claimAndRun(engine: Engine, deliveries: readonly Delivery[]): Promise<number> {
  if (deliveries.length === 0) return 0;
  const budget = budgetOf(deliveries);
  const lease = leaseFor(engine, budget);
  const byKey = new Map(deliveries.map((each) => [keyOf(each.envelope), each]));
  const claim = await claimAll(engine, deliveries, lease);
  if (!claim) return 0;
  const alone = await judge(engine, claim, byKey);
  const tasks = claim.claimed.flatMap((job) => taskOf(job, byKey));
  await runBatch(engine, tasks, byKey, lease, budget, claim.pauses);
  for (const delivery of alone) await runAlone(engine, delivery, lease.now + longestBatch, claim.pauses);
  return claim.claimed.length + alone.length;
}

/** The time the batch may need by its policies, with some air; at most 12 minutes. */
function budgetOf(deliveries: readonly Delivery[]): number {
  const types = Map.groupBy(deliveries, ({ definition }) => definition.contract);
  const needs = [...types].map(([{ batch, policy }, each]) => (batch ? 1 : Math.ceil(each.length / policy.concurrency)) * policy.timeout);
  return Math.min(longestBatch, (Math.max(...needs) + 30) * 1000);
}

function leaseFor(engine: Engine, budget: number): Lease {
  const now = engine.now();
  return { token: crypto.randomUUID(), until: now + budget + leaseMargin, now, boot: engine.boot };
}

/** One round trip, a second for jobs the ledger never heard of. What it cannot say now is delivered again later. */
async function claimAll(engine: Engine, deliveries: readonly Delivery[], lease: Lease): Promise<Claim | undefined> {
  const claim = await orLater(engine, deliveries, () =>
    engine.ledger.claim(
      deliveries.map(({ envelope }) => refOf(envelope)),
      lease,
    ),
  );
  if (!claim) return undefined;
  const known = new Set([...claim.claimed, ...claim.found].map(keyOf));
  const unknown = deliveries.filter(({ envelope }) => !known.has(keyOf(envelope)));
  if (unknown.length === 0) return claim;
  const adopted = await orLater(engine, unknown, () =>
    engine.ledger.adopt(
      unknown.map(({ envelope, definition: { contract } }) => newRow(engine, contract, envelope, payloadOf(contract, envelope))),
      lease,
    ),
  );
  // What was claimed is ours already and is run, whatever became of the others.
  return adopted ? { claimed: [...claim.claimed, ...adopted.claimed], found: [...claim.found, ...adopted.found], pauses: claim.pauses } : claim;
}

async function orLater<T>(engine: Engine, deliveries: readonly Delivery[], ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "claim", reason: reasonOf(thrown) });
    for (const { messages } of deliveries) later(engine, messages);
    return undefined;
  }
}

/** Runs what was claimed and settles in waves, so that quick jobs do not wait for slow mates. */
async function runBatch(
  engine: Engine,
  tasks: readonly Task[],
  byKey: ReadonlyMap<string, Delivery>,
  lease: Lease,
  budget: number,
  pauses: Claim["pauses"],
): Promise<void> {
  if (tasks.length === 0) return;
  const finished: Finished[] = [];
  const unstarted: Task[] = [];
  const left: { tenant: string; gate: string; report: LeaveReport }[] = [];
  const running = new Set<RunState>();
  const batch: Batch = {
    token: lease.token,
    deadline: lease.now + budget,
    leaseMs: lease.until - lease.now,
    pauses,
    running,
    pulse: createPulse(engine, lease.token, running),
    finished: (task, run, outcome) => finished.push({ envelope: task.envelope, run, outcome, ...answers(engine, byKey, task) }),
    unstarted: (task) => unstarted.push(task),
    left: (tenant, gate, report) => left.push({ tenant, gate, report }),
  };
  const flush = async () => {
    const wave = finished.splice(0);
    await Promise.all([settleWave(engine, wave, lease.token), tellGates(engine, left.splice(0))]);
  };
  const groups = Map.groupBy(tasks, ({ definition }) => definition);
  const work = Promise.all([...groups.values()].map((group) => dispatch(engine, batch, group)));
  await duringWork(work, batch, async () => void (finished.length + left.length > 0 && (await flush())));
  await flush();
  await giveBack(engine, unstarted, byKey, lease.token);
}

/** Until the work is done: a wave every quarter of a second, a look at cancel flags every two seconds. */
async function duringWork(work: Promise<unknown>, batch: Batch, wave: () => Promise<void>): Promise<void> {
  let over = false;
  const ended = work.finally(() => (over = true));
  while (!over) {
    const timer = new AbortController();
    await Promise.race([ended, scheduler.wait(waveEvery, { signal: timer.signal }).catch(() => undefined)]);
    timer.abort();
    if (over) break;
    await wave();
    await batch.pulse(cancelPoll);
  }
  await ended;
}

/** Jobs that were never started: nothing counted, delivered again at once. */
async function giveBack(engine: Engine, unstarted: readonly Task[], byKey: ReadonlyMap<string, Delivery>, token: string): Promise<void> {
  if (unstarted.length === 0) return;
  try {
    await engine.ledger.release(
      unstarted.map(({ job }) => job),
      token,
    );
    for (const { job } of unstarted) byKey.get(keyOf(job))?.messages.forEach((message) => message.retry({ delaySeconds: 1 }));
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "release", reason: reasonOf(thrown) });
    for (const { job } of unstarted) later(engine, byKey.get(keyOf(job))?.messages ?? []);
  }
}

/** A job under suspicion of killing its Worker runs with nobody beside it; whoever was in line behind it loses nothing. */
async function runAlone(engine: Engine, delivery: Delivery, until: number, pauses: Claim["pauses"]): Promise<void> {
  if (engine.now() >= lastStart(until, delivery.definition.contract.policy)) return later(engine, delivery.messages);
  const budget = budgetOf([delivery]);
  const lease = leaseFor(engine, budget);
  const byKey = new Map([[keyOf(delivery.envelope), delivery]]);
  let job: ClaimedJob | null;
  try {
    job = await engine.ledger.claimAlone(refOf(delivery.envelope), lease);
  } catch (thrown) {
    engine.emit({ event: "trouble", where: "claim", reason: reasonOf(thrown), tenant: delivery.envelope.tenant, id: delivery.envelope.id });
    return later(engine, delivery.messages);
  }
  if (!job) return later(engine, delivery.messages);
  await runBatch(
    engine,
    taskOf(job, byKey).map((task) => spent(task, engine.now())),
    byKey,
    lease,
    budget,
    pauses,
  );
}

/** A job whose Worker died in each of its attempts, or whose runs or time are used up by such deaths, is not run once more. */
function spent(task: Task, now: number): Task {
  const { maxAttempts, maxRuns, maxAge } = task.definition.contract.policy;
  const { attempt, max, runs, born } = task.job;
  const tired = attempt >= Math.min(maxAttempts, max);
  if (!tired && runs <= maxRuns && now - born <= maxAge * 1000) return task;
  task.job.attempt = maxAttempts - 1;
  return {
    ...task,
    decided: retry(
      tired
        ? `the Worker died in each of its ${maxAttempts} attempts`
        : `the Worker died in its last run, and it had ${runs} of them since ${new Date(born).toISOString()}`,
    ),
  };
}

function taskOf(job: ClaimedJob, byKey: ReadonlyMap<string, Delivery>): Task[] {
  const delivery = byKey.get(keyOf(job));
  return delivery ? [{ job, envelope: delivery.envelope, definition: delivery.definition }] : [];
}

function answers(engine: Engine, byKey: ReadonlyMap<string, Delivery>, { job }: Task) {
  const messages = byKey.get(keyOf(job))?.messages ?? [];
  return {
    ack: () => ack(messages),
    redeliver: (seconds: number) => messages.forEach((message) => message.retry({ delaySeconds: seconds + Math.floor(engine.random() * 10) })),
  };
}
