import { dayMs } from "../../time/day";
import { changes, statement } from "../../d1";
import { endedAfterMs, maxVoids, quietFor, type WorkerState } from "./model";

/** Minimum time between two writes of a worker's row. */
const writeEveryMs = 15_000;
/** A worker that sent nothing for this time is deleted. */
const forgetAfterMs = dayMs;
const maxListed = 1000;

interface Worker {
  worker: string;
  types: string[];
  /** When it last pulled (milliseconds); null: never. */
  polled: number | null;
  beaten: number | null;
  leases: number;
  /** `ended`: it holds no job and has sent nothing for a minute. */
  state: WorkerState | "ended";
}

/** The workers. The owner is a tenant, or `*` for a worker of all tenants. */
export interface WorkerStore {
  /** Records a pull or heartbeat of a worker, at most every 15 seconds; returns the state that is set for it. */
  seen(owner: string, worker: string, how: { types: readonly string[] } | "beat", now: number): Promise<WorkerState>;
  /** Records that a worker of this tenant, or of all, did not start its offers. */
  voided(tenant: string, worker: string, count: number, now: number): Promise<void>;
  list(owner: string | null, now: number): Promise<Worker[]>;
  /** False: there is no such worker. */
  wish(owner: string, worker: string, state: WorkerState): Promise<boolean>;
  /** When a worker last pulled each type. Milliseconds. */
  polls(owner: string): Promise<Map<string, number>>;
  /** Types that were pulled after a time, by owner. */
  polledAfter(time: number): Promise<{ owner: string; type: string }[]>;
  /** Workers that get no jobs because they did not start their offers. */
  silenced(now: number): Promise<{ owner: string; worker: string; voids: number }[]>;
  forget(now: number): Promise<number>;
}

const upsert = `
  INSERT INTO workers (owner, worker, types, polled, beaten) VALUES (?1, ?2, coalesce(?3, '[]'), ?4, ?5)
  ON CONFLICT DO UPDATE SET types = coalesce(?3, types), polled = coalesce(?4, polled), beaten = coalesce(?5, beaten), voids = iif(?5 IS NULL, voids, 0)
  RETURNING wish, quiet`;

const stateNow = `iif(w.wish = 'run' AND w.quiet > ?2, 'quiet', w.wish)`;

/** Counted by scanning the jobs that are handed out, which are few. A worker of all tenants holds jobs of any tenant. */
const listed = `
  SELECT worker, types, polled, beaten, leases, iif(leases = 0 AND max(coalesce(polled, 0), coalesce(beaten, 0)) < ?2 - ${endedAfterMs}, 'ended', state) AS state
  FROM (SELECT w.worker, w.types, w.polled, w.beaten, ${stateNow} AS state,
      (SELECT count(*) FROM leases l WHERE l.worker = w.worker AND (w.owner = '*' OR l.tenant = w.owner)) AS leases
    FROM workers w WHERE ?1 IS NULL OR w.owner = ?1 ORDER BY w.worker LIMIT ${maxListed})`;

export function createWorkerStore(db: D1Database): WorkerStore {
  /** The last write of each worker's row by this isolate. */
  const written = new Map<string, { at: number; what: string }>();
  return {
    async seen(owner, worker, how, now) {
      const types = how === "beat" ? null : JSON.stringify([...how.types].sort());
      const key = `${owner}/${worker}/${how === "beat"}`;
      const last = written.get(key);
      if (last && last.what === (types ?? "") && now - last.at < writeEveryMs && now >= last.at) return stateIn(db, owner, worker, now);
      const [polled, beaten] = how === "beat" ? [null, now] : [now, null];
      const row = await statement(db, upsert, owner, worker, types, polled, beaten).first<{ wish: WorkerState; quiet: number }>();
      const state = row && row.wish === "run" && row.quiet > now ? "quiet" : (row?.wish ?? "run");
      if (written.size > 10_000) written.clear();
      written.set(key, { at: now, what: types ?? "" });
      return state;
    },
    async voided(tenant, worker, count, now) {
      const sql = `UPDATE workers SET voids = voids + ?3, quiet = iif(voids + ?3 >= ${maxVoids}, ?4, quiet) WHERE owner IN (?1, '*') AND worker = ?2`;
      await statement(db, sql, tenant, worker, count, now + quietFor).run();
      for (const owner of [tenant, "*"]) written.delete(`${owner}/${worker}/true`);
    },
    async list(owner, now) {
      const { results } = await statement(db, listed, owner, now).all<Omit<Worker, "types"> & { types: string }>();
      return results.map((row) => ({ ...row, types: JSON.parse(row.types) as string[] }));
    },
    async wish(owner, worker, state) {
      const sql = `UPDATE workers SET wish = ?3, quiet = 0, voids = 0 WHERE owner = ?1 AND worker = ?2`;
      return (await changes(db, sql, owner, worker, state)) > 0;
    },
    async polls(owner) {
      const sql = `SELECT t.value AS type, max(w.polled) AS at FROM workers w, json_each(w.types) t WHERE w.owner IN (?1, '*') AND w.polled IS NOT NULL GROUP BY t.value`;
      const { results } = await statement(db, sql, owner).all<{ type: string; at: number }>();
      return new Map(results.map(({ type, at }) => [type, at]));
    },
    async polledAfter(time) {
      const sql = `SELECT DISTINCT w.owner, t.value AS type FROM workers w, json_each(w.types) t WHERE w.polled > ?1`;
      return (await statement(db, sql, time).all<{ owner: string; type: string }>()).results;
    },
    async silenced(now) {
      const sql = `SELECT owner, worker, voids FROM workers WHERE quiet > ?1 LIMIT 100`;
      return (await statement(db, sql, now).all<{ owner: string; worker: string; voids: number }>()).results;
    },
    async forget(now) {
      const sql = `DELETE FROM workers WHERE max(coalesce(polled, 0), coalesce(beaten, 0)) < ?1`;
      return changes(db, sql, now - forgetAfterMs);
    },
  };
}

async function stateIn(db: D1Database, owner: string, worker: string, now: number): Promise<WorkerState> {
  const sql = `SELECT ${stateNow} AS state FROM workers w WHERE w.owner = ?1 AND w.worker = ?3`;
  return (await statement(db, sql, owner, now, worker).first<{ state: WorkerState }>())?.state ?? "run";
}
