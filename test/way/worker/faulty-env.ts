import type { WorkerEnv } from "../../../src/env";
import { queues } from "../../../src/jobs/queues";
import { bound, faultyD1 } from "./faulty-d1";
import { shortened, switches, through } from "./switches";

type Store = "kv" | "r2" | "gate";

/** The bindings of the Worker, each behind its switch. */
export function faultyEnv(env: WorkerEnv): WorkerEnv {
  const producers = Object.values(queues).map(({ binding }) => [binding, faultyQueue(env[binding])] as const);
  return {
    ...env,
    DB: faultyD1(env.DB),
    CONFIG: faultyStore(env.CONFIG, "kv"),
    PAYLOADS: faultyStore(env.PAYLOADS, "r2"),
    GATE: faultyGates(env.GATE),
    ANALYTICS: faultyAnalytics(env.ANALYTICS),
    ...Object.fromEntries(producers),
  };
}

function faultyStore<T extends object>(store: T, name: Store): T {
  return new Proxy(store, {
    get(target, property) {
      const method = bound(target, property);
      if (typeof method !== "function") return method;
      return (...values: unknown[]) => through(switches[name], name.toUpperCase(), () => Promise.resolve(method(...values) as unknown));
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

function faultyGates(namespace: WorkerEnv["GATE"]): WorkerEnv["GATE"] {
  return new Proxy(namespace, {
    get: (target, name) => (name === "getByName" ? (id: string) => faultyStub(target.getByName(id)) : bound(target, name)),
  });
}

function faultyStub<T extends object>(stub: T): T {
  return new Proxy(stub, {
    // Called as it stands: `apply` of a remote method is a remote method too.
    get:
      (target, name) =>
      async (...values: unknown[]) =>
        through(switches.gate, "The gate", () => (target as Remote)[String(name)]!(...values)),
  });
}

type Remote = Record<string, (...values: unknown[]) => Promise<unknown>>;

function faultyQueue(queue: Queue): Queue {
  return {
    metrics: () => queue.metrics(),
    send: () => Promise.reject(new Error("the engine sends batches")),
    sendBatch: (messages, options) => through(switches.queue, "the queue", () => sent(queue, [...messages], options)),
  };
}

async function sent(queue: Queue, messages: MessageSendRequest[], options: QueueSendBatchOptions | undefined) {
  const shorter = messages.map((each) => ({ ...each, delaySeconds: shortened(each.delaySeconds) }));
  if (switches.twice) await queue.sendBatch(shorter, options);
  return queue.sendBatch(shorter, options);
}

/** Messages whose wait for the next delivery is shortened too. */
export function hurried(batch: MessageBatch): MessageBatch {
  const messages = batch.messages.map((message) => ({
    ...{ id: message.id, timestamp: message.timestamp, body: message.body, attempts: message.attempts },
    ack: () => message.ack(),
    retry: (options?: QueueRetryOptions) => message.retry({ delaySeconds: shortened(options?.delaySeconds) }),
  }));
  return { queue: batch.queue, metadata: batch.metadata, messages, ackAll: () => batch.ackAll(), retryAll: (options) => batch.retryAll(options) };
}
