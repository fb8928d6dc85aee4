import { type Pass, switches, through } from "./switches";

type Real = { statement: D1PreparedStatement; sql: string };

/** The statement behind each one that was handed out. */
const reals = new WeakMap<object, Real>();
const asking = new Set(["first", "run", "all", "raw"]);

/** A database that answers as its switch is set, statement by statement and batch by batch. */
export function faultyD1(db: D1Database, pass: Pass = through): D1Database {
  return new Proxy(db, {
    get(target, name) {
      if (name === "prepare") return (sql: string) => handedOut({ statement: target.prepare(sql), sql }, pass);
      if (name === "batch") return (statements: D1PreparedStatement[]) => batch(target, statements, pass);
      return bound(target, name);
    },
  });
}

function handedOut({ statement, sql }: Real, pass: Pass): D1PreparedStatement {
  const made = new Proxy(statement, {
    get(target, name) {
      if (name === "bind") return (...values: unknown[]) => handedOut({ statement: target.bind(...values), sql }, pass);
      const method = bound(target, name);
      if (!asking.has(String(name)) || typeof method !== "function") return method;
      return (...values: unknown[]) => pass("db", troubleOf([sql]), "D1_ERROR: D1", () => method(...values) as Promise<unknown>);
    },
  });
  reals.set(made, { statement, sql });
  return made;
}

function batch(db: D1Database, statements: D1PreparedStatement[], pass: Pass): Promise<D1Result[]> {
  const all = statements.map((each) => reals.get(each) ?? { statement: each, sql: "" });
  return pass("db", troubleOf(all.map(({ sql }) => sql)), "D1_ERROR: D1", () => db.batch(all.map(({ statement }) => statement)));
}

function troubleOf(texts: readonly string[]) {
  return texts.some((sql) => sql.includes(switches.dbOnly)) ? switches.db : "up";
}

/** A property as it is, methods tied to their object. */
export function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target);
  return typeof value === "function" ? (value.bind(target) as unknown) : value;
}
