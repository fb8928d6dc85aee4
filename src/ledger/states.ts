import type { JobRef } from "../queue/ports/job-row";
import { keyOf } from "../queue/ref";
import type { JobState } from "../queue/state";
import { batch, refLists, rowsOf, statement } from "../d1";

const statesOf = `SELECT j.tenant, j.id, j.state FROM json_each(?1) e JOIN jobs j ON j.tenant = e.value->>0 AND j.id = e.value->>1`;

interface Lookup extends JobRef {
  resolve(state: JobState | null): void;
  reject(reason: unknown): void;
}

/** Looks up states of single jobs; calls within one microtask share one statement. Null: the ledger has no such row. */
export function createStateLookup(db: D1Database): (tenant: string, id: string) => Promise<JobState | null> {
  let waiting: Lookup[] = [];
  const ask = async () => {
    const lookups = waiting;
    waiting = [];
    try {
      const states = await lookUp(db, lookups);
      for (const each of lookups) each.resolve(states.get(keyOf(each)) ?? null);
    } catch (thrown) {
      for (const each of lookups) each.reject(thrown);
    }
  };
  return (tenant, id) => {
    const { promise, resolve, reject } = Promise.withResolvers<JobState | null>();
    waiting.push({ tenant, id, resolve, reject });
    if (waiting.length === 1) queueMicrotask(() => void ask());
    return promise;
  };
}

async function lookUp(db: D1Database, refs: readonly JobRef[]): Promise<Map<string, JobState>> {
  const parts = refLists(refs);
  const results = await batch(
    db,
    parts.map((list) => statement(db, statesOf, list)),
  );
  const rows = parts.flatMap((_, index) => rowsOf<JobRef & { state: JobState }>(results, index));
  return new Map(rows.map((row) => [keyOf(row), row.state]));
}
