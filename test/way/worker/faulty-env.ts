import type { WorkerEnv } from "../../../src/env";
import { queues } from "../../../src/jobs/queues";
import { bound, faultyD1 } from "./faulty-d1";
import { isHit, type Pass, shortened, switches, through } from "./switches";

type Store = "kv" | "r2" | "gate";

/** The bindings of the Worker, each behind its switch. */
export function faultyEnv(env: WorkerEnv, pass: Pass = through): WorkerEnv {
  const producers = Object.values(queues).map(({ binding }) => [binding, faultyQueue(env[binding], pass)] as const);
  return {
    ...env,
    DB: faultyD1(env.DB, pass),
    CONFIG: faultyStore(env.CONFIG, "kv", pass),
    PAYLOADS: faultyStore(env.PAYLOADS, "r2", pass),
    GATE: faultyGates(env.GATE, pass),
    ANALYTICS: faultyAnalytics(env.ANALYTICS),
    ...Object.fromEntries(producers),
  };
}

export function faultyStore<T extends object>(store: T, name: Store, pass: Pass): T {
  return new Proxy(store, {
    get(target, property) {
      const method = bound(target, property);
      if (typeof method !== "function") return method;
      return (...values: unknown[]) => pass(name, switches[name], name.toUpperCase(), () => Promise.resolve(method(...values) as unknown));
    },
  });
}

function faultyAnalytics(dataset: AnalyticsEngineDataset): AnalyticsEngineDataset {
  return {
    writeDataPoint: (point) => {
      if (switches.analytics === "up") return dataset.writeDataPoint(point);
      switches.met++;
      throw new Error("Analytics Engine is down");
    },
  };
}

function faultyGates(namespace: WorkerEnv["GATE"], pass: Pass): WorkerEnv["GATE"] {
  return new Proxy(namespace, {
    get: (target, name) => (name === "getByName" ? (id: string) => faultyStub(target.getByName(id), pass) : bound(target, name)),
  });
}

function faultyStub<T extends object>(stub: T, pass: Pass): T {
  return new Proxy(stub, {
    // Called as it stands: `apply` of a remote method is a remote method too.
    get:
      (target, name) =>
      async (...values: unknown[]) =>
        pass("gate", switches.gate, "The gate", () => (target as Remote)[String(name)]!(...values)),
  });
}

type Remote = Record<string, (...values: unknown[]) => Promise<unknown>>;

function faultyQueue(queue: Queue, pass: Pass): Queue {
  return {
    metrics: () => queue.metrics(),
    send: () => Promise.reject(new Error("the engine sends batches")),
    sendBatch: (messages, options) => pass("queue", switches.queue, "the queue", () => sent(queue, [...messages], options)),
  };
}

async function sent(queue: Queue, messages: MessageSendRequest[], options: QueueSendBatchOptions | undefined) {
  const ordered = switches.shuffle && isHit("shuffle") ? shuffled(messages) : messages;
  const shorter = ordered.map((each) => ({ ...each, delaySeconds: shortened(each.delaySeconds) }));
  if (switches.twice && isHit("twice")) await queue.sendBatch(shorter, options);
  return queue.sendBatch(shorter, options);
}

function shuffled(messages: readonly MessageSendRequest[]): MessageSendRequest[] {
  const placed = messages.map((message) => ({ message, place: Math.random() }));
  return placed
    .toSorted((one, other) => one.place - other.place)
    .map(({ message }) => ({ ...message, delaySeconds: (message.delaySeconds ?? 0) + Math.floor(Math.random() * 3) }));
}

/** Messages whose wait for the next delivery is shortened too. */
export function hurried(batch: MessageBatch): MessageBatch {
  const messages = batch.messages.map((message) => ({
    ...{ id: message.id, timestamp: message.timestamp, body: message.body, attempts: message.attempts },
    ack: () => (switches.unacked && isHit("unacked") ? message.retry({ delaySeconds: 1 }) : message.ack()),
    retry: (options?: QueueRetryOptions) => message.retry({ delaySeconds: shortened(options?.delaySeconds) }),
  }));
  return { queue: batch.queue, metadata: batch.metadata, messages, ackAll: () => batch.ackAll(), retryAll: (options) => batch.retryAll(options) };
}
