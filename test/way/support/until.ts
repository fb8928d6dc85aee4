import { setTimeout as passing } from "node:timers/promises";
import type { Api } from "./api.ts";
import type { Way } from "./harness.ts";

/** A job's view as the interface gives it. */
type Job = Awaited<ReturnType<Api["job"]>>;

/** Seconds. What is waited for comes as soon as it can; the limit ends only what hangs, on a machine however busy. */
const maxWaitSeconds = 240;

/** Looks until it is true, at most for the given time; `what` is in the error when it does not come true. Looks often at first, later every `interval` milliseconds. */
export async function until(what: string, look: () => Promise<unknown>, seconds = maxWaitSeconds, interval = 100): Promise<void> {
  const latest = performance.now() + seconds * 1000;
  for (let pause = interval / 10; ; pause = Math.min(interval, pause * 1.4)) {
    const seen = await look().catch((cause: unknown) => String(cause));
    if (seen === true) return;
    if (performance.now() > latest) throw new Error(`${what}: ${JSON.stringify(seen)}`);
    await passing(pause);
  }
}

/** Looks at a job until it is in this state. */
export async function untilJob(api: Api, id: string, state: string, seconds = maxWaitSeconds): Promise<Job> {
  let job: Job;
  await until(
    `job ${id} is not ${state}`,
    async () => {
      job = await api.job(id);
      return job.state === state || { state: job.state, error: job.error, waitingFor: job.waitingFor };
    },
    seconds,
  );
  return job;
}

interface Ending {
  /** How many jobs the tenant has at least. A job that was accepted has its row only when the queue delivers it. */
  jobs?: number;
  seconds?: number;
  /** Milliseconds between two ticks, since what is parked goes on with a tick. */
  tickEvery?: number;
  /** By how many milliseconds the clock is moved on before each tick. */
  later?: number;
}

/** Ticks until the ledger has all jobs of the tenant and all of them have ended. */
export async function untilAllEnded(way: Way, tenant: string, { jobs = 1, seconds = maxWaitSeconds, tickEvery = 1000, later = 0 }: Ending = {}): Promise<void> {
  let ticked = Date.now();
  const haveEnded = async () => {
    if (Date.now() - ticked > tickEvery) {
      if (later > 0) await way.passWhenIdle(later);
      await way.tick();
      ticked = Date.now();
    }
    const sql = "SELECT ended IS NULL AS open, state, gate, reason, count(*) AS n FROM jobs WHERE tenant = ? GROUP BY 1, 2, 3, 4 ORDER BY 1 DESC LIMIT 8";
    const states = await way.rows<{ open: number; n: number }>(sql, tenant);
    return (states[0]?.open === 0 && states.reduce((sum, { n }) => sum + n, 0) >= jobs) || states;
  };
  // A long `tickEvery` means many jobs, and each check reads all of them.
  await until(`of ${tenant}, ${jobs} jobs have ended and none is open`, haveEnded, seconds, Math.max(100, tickEvery / 10));
}
