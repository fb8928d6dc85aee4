import { dayMs } from "../../time/day";
import { changes, statement } from "../../d1";
import { maxVoids, quietForMs, type WorkerState } from "./model";
import { createWorkerQueries, workerState } from "./queries";

/** Minimum time between two writes of a worker's row. */
const writeEveryMs = 15_000;
/** A worker that sent nothing for this time is deleted. */
const forgetAfterMs = dayMs;

/** The workers. The owner is a tenant, or `*` for a worker of all tenants. */
export type WorkerStore = ReturnType<typeof createWorkerStore>;

const upsert = `
  INSERT INTO workers (owner, worker, types, polled, beaten) VALUES (?1, ?2, coalesce(?3, '[]'), ?4, ?5)
  ON CONFLICT DO UPDATE SET types = coalesce(?3, types), polled = coalesce(?4, polled), beaten = coalesce(?5, beaten), voids = iif(?5 IS NULL, voids, 0)
  RETURNING wish, quiet`;

export function createWorkerStore(db: D1Database) {
  /** The last write of each worker's row by this isolate. */
  const written = new Map<string, { at: number; what: string }>();
  return {
    ...createWorkerQueries(db),
    /** Records a pull or heartbeat of a worker, at most every 15 seconds; returns the state that is set for it. */
    async noteCall(owner: string, worker: string, how: { types: readonly string[] } | "beat", now: number): Promise<WorkerState> {
      const types = how === "beat" ? null : JSON.stringify([...how.types].sort());
      const key = `${owner}/${worker}/${how === "beat"}`;
      const last = written.get(key);
      if (last && last.what === (types ?? "") && now - last.at < writeEveryMs && now >= last.at) return workerState(db, owner, worker, now);
      const [polled, beaten] = how === "beat" ? [null, now] : [now, null];
      const row = await statement(db, upsert, owner, worker, types, polled, beaten).first<{ wish: WorkerState; quiet: number }>();
      const state = row && row.wish === "run" && row.quiet > now ? "quiet" : (row?.wish ?? "run");
      if (written.size > 10_000) written.clear();
      written.set(key, { at: now, what: types ?? "" });
      return state;
    },
    /** Records that a worker of this tenant, or of all, did not start its offers. */
    async voided(tenant: string, worker: string, count: number, now: number): Promise<void> {
      const sql = `UPDATE workers SET voids = voids + ?3, quiet = iif(voids + ?3 >= ${maxVoids}, ?4, quiet) WHERE owner IN (?1, '*') AND worker = ?2`;
      await statement(db, sql, tenant, worker, count, now + quietForMs).run();
      for (const owner of [tenant, "*"]) written.delete(`${owner}/${worker}/true`);
    },
    /** False: there is no such worker. */
    async wish(owner: string, worker: string, state: WorkerState): Promise<boolean> {
      const sql = `UPDATE workers SET wish = ?3, quiet = 0, voids = 0 WHERE owner = ?1 AND worker = ?2`;
      return (await changes(db, sql, owner, worker, state)) > 0;
    },
    async forget(now: number): Promise<number> {
      const sql = `DELETE FROM workers WHERE max(coalesce(polled, 0), coalesce(beaten, 0)) < ?1`;
      return changes(db, sql, now - forgetAfterMs);
    },
  };
}
