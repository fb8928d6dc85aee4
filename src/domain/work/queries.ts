import { statement } from "../../d1";
import { endedAfterMs, type WorkerState } from "./model";

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

const stateNow = `iif(w.wish = 'run' AND w.quiet > ?2, 'quiet', w.wish)`;

/** Counted by scanning the jobs that are handed out, which are few. A worker of all tenants holds jobs of any tenant. */
const listed = `
  SELECT worker, types, polled, beaten, leases, iif(leases = 0 AND max(coalesce(polled, 0), coalesce(beaten, 0)) < ?2 - ${endedAfterMs}, 'ended', state) AS state
  FROM (SELECT w.worker, w.types, w.polled, w.beaten, ${stateNow} AS state,
      (SELECT count(*) FROM leases l WHERE l.worker = w.worker AND (w.owner = '*' OR l.tenant = w.owner)) AS leases
    FROM workers w WHERE ?1 IS NULL OR w.owner = ?1 ORDER BY w.worker LIMIT ${maxListed})`;

/** The owner is a tenant, or `*` for a worker of all tenants. */
export function createWorkerQueries(db: D1Database) {
  return {
    async list(owner: string | null, now: number): Promise<Worker[]> {
      const { results } = await statement(db, listed, owner, now).all<Omit<Worker, "types"> & { types: string }>();
      return results.map((row) => ({ ...row, types: JSON.parse(row.types) as string[] }));
    },
    /** When a worker last pulled each type. Milliseconds. */
    async polls(owner: string): Promise<Map<string, number>> {
      const sql = `SELECT t.value AS type, max(w.polled) AS at FROM workers w, json_each(w.types) t WHERE w.owner IN (?1, '*') AND w.polled IS NOT NULL GROUP BY t.value`;
      const { results } = await statement(db, sql, owner).all<{ type: string; at: number }>();
      return new Map(results.map(({ type, at }) => [type, at]));
    },
    /** Types that were pulled after a time, by owner. */
    async polledAfter(time: number): Promise<{ owner: string; type: string }[]> {
      const sql = `SELECT DISTINCT w.owner, t.value AS type FROM workers w, json_each(w.types) t WHERE w.polled > ?1`;
      return (await statement(db, sql, time).all<{ owner: string; type: string }>()).results;
    },
    /** Workers that get no jobs because they did not start their offers. */
    async silenced(now: number): Promise<{ owner: string; worker: string; voids: number }[]> {
      const sql = `SELECT owner, worker, voids FROM workers WHERE quiet > ?1 LIMIT 100`;
      return (await statement(db, sql, now).all<{ owner: string; worker: string; voids: number }>()).results;
    },
  };
}

/** The state that is set for a worker; `run` for one that is not known yet. */
export async function workerState(db: D1Database, owner: string, worker: string, now: number): Promise<WorkerState> {
  const sql = `SELECT ${stateNow} AS state FROM workers w WHERE w.owner = ?1 AND w.worker = ?3`;
  return (await statement(db, sql, owner, now, worker).first<{ state: WorkerState }>())?.state ?? "run";
}
