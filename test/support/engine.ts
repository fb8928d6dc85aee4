import { env } from "cloudflare:workers";
import { createLedger } from "../../src/ledger/ledger";
import { createPayloads } from "../../src/ledger/payloads";
import { createUnwritten } from "../../src/ledger/unwritten";
import { backstop } from "../../src/queue/backstop";
import { consume } from "../../src/queue/consume";
import { createEngine, type Engine, type EngineEvent } from "../../src/queue/engine";
import type { ForeignReaders } from "../../src/queue/run/foreign";
import type { Gates } from "../../src/queue/ports/gates";
import { enqueue } from "../../src/queue/enqueue";
import { createIds } from "../../src/queue/id";
import { job, type Job, type RunContext } from "../../src/queue/job";
import type { Outcome } from "../../src/queue/outcome";
import { createRegistry } from "../../src/queue/registry";
import type { EnqueueRequest, Receipt } from "../../src/queue/request";
import { jobsIn } from "./history/events";
import type { LedgerRow } from "./ledger-row";
import { sweep } from "../../src/queue/sweep";
import { play, scripted, type Step } from "./scripted";

/** What a queue holds: a body, the time it is deliverable, how often it was delivered. */
export interface Held {
  id: string;
  queue: string;
  body: unknown;
  at: number;
  attempts: number;
}

/** Answers of one delivered message. */
export interface Answered {
  held: Held;
  answer: "ack" | { retry: number } | "none";
}

/** What is broken at the moment: everything, nothing, or the calls of these names. */
type Fault = boolean | ((call: string) => boolean);

export interface BenchOptions {
  jobs?: readonly Job[];
  db?: D1Database;
  gates?: Gates;
  start?: number;
  boot?: string;
  /** Ids are made and checked with it. */
  idSecret?: string;
  ledgerFirst?: boolean;
  capabilities?: Engine["capabilities"];
  random?: () => number;
  sendsPacks?: boolean;
  /** How many scripted jobs travel in one message. */
  pack?: number;
}

/** Jobs, clock, queues and ledger of one test; the ledger is the real one. */
export function createEngineBench(options: BenchOptions = {}) {
  let now = options.start ?? Date.UTC(2026, 10, 21, 12);
  const held: Held[] = [];
  const events: EngineEvent[] = [];
  const deferred: Promise<unknown>[] = [];
  const later: { at: number; work: () => Promise<unknown> }[] = [];
  const runs: { id: string; at: number }[] = [];
  const outside = new Map<string, number>();
  const faults: { send: Fault; ledger: Fault; payloads: Fault; metrics: Fault } = { send: false, ledger: false, payloads: false, metrics: false };
  const broken = (what: keyof typeof faults, call: string) => {
    const fault = faults[what];
    return typeof fault === "boolean" ? fault : fault(call);
  };
  const bench = {
    engine: undefined as unknown as Engine,
    held,
    events,
    runs,
    /** How often each idempotency key reached the outside world; a key seen before does nothing. */
    outside,
    faults,
    /** What a scripted run does at `{ do: "call", name }`. */
    calls: {} as { [name: string]: (context: RunContext) => unknown },
    /** Batches as the queues took them: how many messages each. */
    sent: [] as { queue: string; delays: (number | undefined)[]; bytes: number }[],
    now: () => now,
    advance: (ms: number) => (now += ms),
    settle: async () => void (await Promise.allSettled(deferred.splice(0))),
    /** Does what was put off until now or before. */
    late: async () => {
      const ready = later.filter(({ at }) => at <= now);
      for (const each of ready) later.splice(later.indexOf(each), 1);
      await Promise.all(ready.map(({ work }) => work()));
    },
    deliver,
    deliverAll,
    messagesOf: (id: string) => held.filter(({ body }) => jobsIn(body).some((each) => each.id === id)),
    /** What a job's runs end with instead of its script: for what does not travel as JSON. */
    endWith: (id: string, end: Step | (() => Outcome)) => void ends.set(id, end),
    troubles: () => events.filter((each) => each.event === "trouble"),
    accept,
    acceptOne: async (request: Partial<EnqueueRequest> & { payload: unknown }) => idOf((await accept([request]))[0]),
    tick: (ms = 0) => sweep(bench.engine, (now += ms)),
    row: (id: string) => env.DB.prepare("SELECT * FROM jobs WHERE id = ?").bind(id).first<LedgerRow>(),
    all: async <T>(sql: string, ...values: unknown[]) =>
      (
        await env.DB.prepare(sql)
          .bind(...values)
          .all<T>()
      ).results,
  };
  const ends = new Map<string, Step | (() => Outcome)>();
  const run = async (payload: { script: Step[] }, context: RunContext) => {
    runs.push({ id: context.id, at: now });
    const end = ends.get(context.id);
    if (typeof end === "function") return end();
    return play(bench, end ? [end] : payload.script, context);
  };
  const ledger = createLedger(options.db ?? env.DB, (promise) => deferred.push(promise));
  bench.engine = createEngine({
    now: () => now,
    random: options.random ?? (() => 0.5),
    boot: options.boot ?? "",
    ledgerFirst: options.ledgerFirst ?? true,
    ids: createIds(options.idSecret ?? "the id secret of the engine's tests"),
    registry: createRegistry(options.jobs ?? [job({ ...scripted, policy: { ...scripted.policy, pack: options.pack ?? 1 } }, run)]),
    ledger: withFaults(ledger, (call) => broken("ledger", call), "D1 is down"),
    queue: (name) => fakeQueue(name),
    sendsPacks: options.sendsPacks ?? true,
    batchTimeout: () => 1,
    backlogLimit: () => 100_000,
    quota: { isSet: () => Promise.resolve(false), take: (_tenant, count) => Promise.resolve({ granted: count, retryAfter: 0 }) },
    payloads: withFaults(createPayloads(env.PAYLOADS), (call) => broken("payloads", call), "R2 is down"),
    unwritten: withFaults(
      createUnwritten(env.PAYLOADS, () => now),
      (call) => broken("payloads", call),
      "R2 is down",
    ),
    gates: options.gates ?? openGates,
    capabilities: options.capabilities ?? (() => Promise.resolve({})),
    defer: (promise) => deferred.push(promise),
    later: (ms, work) => later.push({ at: now + ms, work }),
    emit: (event) => events.push(event),
  });
  return bench;

  function fakeQueue(name: string): Queue {
    const put = (body: unknown, delaySeconds = 0) => {
      held.push({ id: crypto.randomUUID(), queue: name, body: structuredClone(body), at: now + delaySeconds * 1000, attempts: 0 });
    };
    const metrics = () => {
      const mine = held.filter((each) => each.queue === name);
      const oldest = mine.length > 0 ? { oldestMessageTimestamp: new Date(Math.min(...mine.map(({ at }) => at))) } : {};
      return { backlogCount: mine.length, backlogBytes: 0, ...oldest };
    };
    return {
      metrics: () => (broken("metrics", name) ? Promise.reject(new Error("no metrics")) : Promise.resolve(metrics())),
      send: () => Promise.reject(new Error("the engine sends batches")),
      sendBatch: (iterable) => {
        const messages = [...iterable];
        const sizes = messages.map(({ body }) => new TextEncoder().encode(JSON.stringify(body)).length);
        const bytes = sizes.reduce((sum, each) => sum + each, 0);
        if (broken("send", name)) return Promise.reject(new Error("Unknown Internal Error (15000)"));
        if (messages.length > 100 || bytes > 256_000 || sizes.some((each) => each > 128_000)) return Promise.reject(new Error("over the platform's limits"));
        bench.sent.push({ queue: name, delays: messages.map(({ delaySeconds }) => delaySeconds), bytes });
        for (const { body, delaySeconds } of messages) put(body, delaySeconds);
        return Promise.resolve({ metadata: { metrics: metrics() } });
      },
    };
  }

  function accept(requests: readonly (Partial<EnqueueRequest> & { payload: unknown })[]): Promise<Receipt[]> {
    return enqueue(
      bench.engine,
      requests.map((request) => ({ tenant: "one", type: "scripted", ...request })),
    );
  }

  /** Delivers these as one batch; what is not acknowledged goes back, as the platform does it. */
  async function deliver(messages: readonly Held[], options: { to?: "consume" | "backstop"; readers?: ForeignReaders } = {}): Promise<Answered[]> {
    const answers: Answered[] = messages.map((each) => ({ held: each, answer: "none" }));
    const batch = answers.map((answered) => {
      answered.held.attempts++;
      return {
        id: answered.held.id,
        timestamp: new Date(answered.held.at),
        body: structuredClone(answered.held.body),
        attempts: answered.held.attempts,
        ack: () => (answered.answer = answered.answer === "none" ? "ack" : answered.answer),
        retry: (how?: QueueRetryOptions) => (answered.answer = answered.answer === "none" ? { retry: how?.delaySeconds ?? 0 } : answered.answer),
      } as Message;
    });
    const queue = messages[0]?.queue ?? "events";
    await (options.to === "backstop" ? backstop(bench.engine, batch, queue) : consume(bench.engine, batch, queue, options.readers));
    for (const { held: each, answer } of answers) {
      const index = held.indexOf(each);
      if (answer === "ack" && index >= 0) held.splice(index, 1);
      else if (typeof answer === "object") each.at = now + answer.retry * 1000;
    }
    return answers;
  }

  /** Delivers what is due, again and again, moving the clock to the next message, until no queue holds anything. */
  async function deliverAll(limit = 200): Promise<void> {
    for (let round = 0; round < limit && held.length > 0; round++) {
      const next = Math.min(...held.map(({ at }) => at));
      if (next > now) now = next;
      const due = held.filter(({ at }) => at <= now);
      for (const group of Map.groupBy(due, ({ queue }) => queue).values()) await deliver(group.slice(0, 100));
    }
    if (held.length > 0) throw new Error(`${held.length} messages are still held after ${limit} rounds`);
  }
}

export type EngineBench = ReturnType<typeof createEngineBench>;

const openGates: Gates = {
  enter: (_tenant, _gate, ids) => Promise.resolve(ids.map((id) => ({ granted: true as const, lease: id }))),
  leave: () => Promise.resolve(),
  admit: (_tenant, _gate, waiting) => Promise.resolve({ count: waiting, perSecond: Infinity }),
};

function withFaults<T extends object>(store: T, down: (call: string) => boolean, reason: string): T {
  return new Proxy(store, { get: (target, name) => (down(String(name)) ? () => Promise.reject(new Error(reason)) : target[name as keyof T]) });
}

/** The id of what was accepted. */
export function idOf(receipt: Receipt | undefined): string {
  if (!receipt?.ok) throw new Error(`not accepted: ${JSON.stringify(receipt)}`);
  return receipt.id;
}
