import { GroupCommit } from "./group-commit";

/** The statements that one caller needs in one transaction. */
type Order = readonly D1PreparedStatement[];
type Answer = PromiseSettledResult<D1Result[]>;

/** Orders in one trip: a lead is some ten statements, and an invocation has a thousand. */
const maxOrders = 25;

/** The database refused, so nothing of the transaction stays. Any other error may have come after it was done. */
const refusal = /SQLITE_[A-Z]+/;

/** The statements behind those that were handed out. */
const reals = new WeakMap<object, D1PreparedStatement>();

/**
 * The same database for callers that run side by side: what they ask for while a trip is under way goes together with the next,
 * as one transaction. Each gets its own answer, and an order that the database refuses fails alone. For small statements of jobs;
 * `defer` keeps a trip alive when the caller that leads it goes away.
 */
export function coalescing(db: D1Database, defer: (promise: Promise<unknown>) => void): D1Database {
  const group = new GroupCommit<Order, Answer>((orders) => doAll(db, orders), defer, { maxItems: maxOrders });
  const ask = async (order: Order) => {
    const [answer] = await group.add([order]);
    if (answer?.status !== "fulfilled") throw answer?.reason;
    return answer.value;
  };
  return new Proxy(db, {
    get(target, name) {
      if (name === "prepare") return (sql: string) => handedOut(target.prepare(sql), ask);
      if (name === "batch") return (statements: Order) => ask(statements.map((each) => reals.get(each) ?? each));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

async function doAll(db: D1Database, orders: readonly Order[]): Promise<Answer[]> {
  try {
    const results = await db.batch(orders.flat());
    let from = 0;
    return orders.map((order) => ({ status: "fulfilled", value: results.slice(from, (from += order.length)) }));
  } catch (thrown) {
    if (orders.length === 1 || !(thrown instanceof Error && refusal.test(thrown.message))) throw thrown;
    const answers: Answer[] = [];
    for (const order of orders) answers.push(...(await Promise.allSettled([db.batch([...order])])));
    return answers;
  }
}

function handedOut(statement: D1PreparedStatement, ask: (order: Order) => Promise<D1Result[]>): D1PreparedStatement {
  const one = async () => (await ask([statement]))[0];
  const made = new Proxy(statement, {
    get(target, name) {
      if (name === "bind") return (...values: unknown[]) => handedOut(target.bind(...values), ask);
      if (name === "run" || name === "all") return one;
      if (name === "first") return async (column?: string) => firstOf(await one(), column);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  reals.set(made, statement);
  return made;
}

function firstOf(result: D1Result | undefined, column: string | undefined): unknown {
  const row = result?.results[0] as Record<string, unknown> | undefined;
  return column === undefined ? (row ?? null) : (row?.[column] ?? null);
}
