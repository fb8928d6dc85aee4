import type { WorkerEnv } from "../../../src/env";
import { queues } from "../../../src/jobs/queues";

/** What was used and is billed. */
export const meter = {
  request: 0,
  rowRead: 0,
  rowWritten: 0,
  queueOperation: 0,
  kvRead: 0,
  kvWrite: 0,
  objectRequest: 0,
  analyticsPoint: 0,
  storeRead: 0,
  storeWrite: 0,
};

const operationBytes = 64 * 1024;
const metered = new WeakMap<WorkerEnv, WorkerEnv>();

/** The bindings, each counting what it is used for. */
export function meteredEnv(env: WorkerEnv): WorkerEnv {
  const known = metered.get(env);
  if (known) return known;
  const producers = Object.values(queues).map(({ binding }) => [binding, meteredQueue(env[binding])] as const);
  const stores = { CONFIG: counted(env.CONFIG, kvUnit), PAYLOADS: counted(env.PAYLOADS, storeUnit), MEDIA: counted(env.MEDIA, storeUnit) };
  const others = { DB: meteredDb(env.DB), ANALYTICS: counted(env.ANALYTICS, () => "analyticsPoint"), GATE: meteredObjects(env.GATE) };
  const made = { ...env, ...stores, ...others, ...Object.fromEntries(producers) };
  metered.set(env, made);
  return made;
}

/** One write for each message; its delivery reads it, and its acknowledgement deletes it. */
export function countDelivery(messages: readonly { body: unknown }[]): void {
  for (const { body } of messages) meter.queueOperation += 2 * operations(body);
}

type Unit = keyof typeof meter;

function kvUnit(name: string): Unit {
  return name.startsWith("get") ? "kvRead" : "kvWrite";
}

function storeUnit(name: string): Unit {
  return name === "get" || name === "head" ? "storeRead" : "storeWrite";
}

/** Each call of a method is one unit. */
function counted<T extends object>(target: T, unitOf: (name: string) => Unit): T {
  return new Proxy(target, {
    get(inner, name) {
      const value: unknown = Reflect.get(inner, name, inner);
      if (typeof value !== "function") return value;
      return (...all: unknown[]) => {
        meter[unitOf(String(name))]++;
        return (value as (...values: unknown[]) => unknown).apply(inner, all);
      };
    },
  });
}

function meteredObjects(namespace: WorkerEnv["GATE"]): WorkerEnv["GATE"] {
  return new Proxy(namespace, {
    get(inner, name) {
      const value: unknown = Reflect.get(inner, name, inner);
      if (typeof value !== "function") return value;
      const call = value.bind(inner) as (...values: unknown[]) => object;
      return name === "getByName" || name === "get" ? (...all: unknown[]) => meteredStub(call(...all)) : call;
    },
  });
}

/** A stub answers for every name, so its methods are called on itself. */
function meteredStub(stub: object): object {
  return new Proxy(stub, {
    get(inner, name) {
      const value: unknown = Reflect.get(inner, name, inner);
      if (typeof value !== "function") return value;
      return (...all: unknown[]) => {
        meter.objectRequest++;
        return (inner as Record<string | symbol, (...values: unknown[]) => unknown>)[name]?.(...all);
      };
    },
  });
}

function meteredQueue(queue: Queue): Queue {
  const send: Queue["send"] = (body, options) => {
    meter.queueOperation += operations(body);
    return queue.send(body, options);
  };
  const sendBatch: Queue["sendBatch"] = (iterable, options) => {
    const messages = [...iterable];
    for (const { body } of messages) meter.queueOperation += operations(body);
    return queue.sendBatch(messages, options);
  };
  return { metrics: () => queue.metrics(), send, sendBatch };
}

function operations(body: unknown): number {
  return Math.max(1, Math.ceil(JSON.stringify(body).length / operationBytes));
}

const real = new WeakMap<object, D1PreparedStatement>();

function meteredDb(db: D1Database): D1Database {
  const batch = async (statements: D1PreparedStatement[]) => {
    const results = await db.batch(statements.map((each) => real.get(each) ?? each));
    results.forEach(note);
    return results;
  };
  return new Proxy(db, {
    get(inner, name) {
      if (name === "prepare") return (sql: string) => meteredStatement(inner.prepare(sql));
      if (name === "batch") return batch;
      const value: unknown = Reflect.get(inner, name, inner);
      return typeof value === "function" ? (value.bind(inner) as unknown) : value;
    },
  });
}

function meteredStatement(statement: D1PreparedStatement): D1PreparedStatement {
  const all = async () => note(await statement.all());
  const made = {
    bind: (...values: unknown[]) => meteredStatement(statement.bind(...values)),
    all,
    run: all,
    first: async (column?: string) => {
      const [row] = (await all()).results as Record<string, unknown>[];
      return column === undefined ? (row ?? null) : (row?.[column] ?? null);
    },
    raw: async (options?: { columnNames?: boolean }) => {
      const { results } = await all();
      const rows = (results as Record<string, unknown>[]).map((row) => Object.values(row));
      return options?.columnNames ? [Object.keys((results[0] as object | undefined) ?? {}), ...rows] : rows;
    },
  } as unknown as D1PreparedStatement;
  real.set(made, statement);
  return made;
}

function note<T extends D1Result>(result: T): T {
  meter.rowRead += result.meta.rows_read;
  meter.rowWritten += result.meta.rows_written;
  return result;
}
