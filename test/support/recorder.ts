import { env } from "cloudflare:workers";

export interface Recorded {
  sql: string;
  values: readonly unknown[];
}

/** D1 that remembers every statement it is given and counts the rows read and written, as they are billed; those that `first` reads are not counted. */
export function recordingDb(options: { fail?: () => boolean } = {}) {
  const statements: Recorded[] = [];
  const counts = { read: 0, written: 0, batches: 0, longestValue: 0 };
  const note = ({ meta }: { meta: { rows_read: number; rows_written: number } }) => {
    counts.read += meta.rows_read;
    counts.written += meta.rows_written;
  };
  const prepare = (sql: string) => {
    const statement = env.DB.prepare(sql);
    const bind = statement.bind.bind(statement);
    statement.bind = (...values) => {
      statements.push({ sql, values });
      for (const value of values) if (typeof value === "string") counts.longestValue = Math.max(counts.longestValue, new TextEncoder().encode(value).length);
      return counted(bind(...values));
    };
    if (!/\?/.test(sql)) statements.push({ sql, values: [] });
    return counted(statement);
  };
  const counted = (statement: D1PreparedStatement) => {
    for (const name of ["all", "run"] as const) {
      const call = statement[name].bind(statement) as () => Promise<D1Result>;
      Object.assign(statement, {
        [name]: async () => {
          const result = await call();
          note(result);
          return result;
        },
      });
    }
    return statement;
  };
  const batch = async <T>(statements: D1PreparedStatement[]) => {
    if (options.fail?.()) throw new Error("D1 is down");
    counts.batches++;
    const results = await env.DB.batch<T>(statements);
    results.forEach(note);
    return results;
  };
  const db = new Proxy(env.DB, {
    get: (target, name) => (name === "prepare" ? prepare : name === "batch" ? batch : target[name as keyof typeof target]),
  });
  return { db, statements, counts };
}

/** What SQLite would do for a statement: one line a step. */
export async function planOf({ sql, values }: Recorded): Promise<string[]> {
  const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .bind(...values)
    .all<{ detail: string }>();
  return results.map(({ detail }) => detail);
}
