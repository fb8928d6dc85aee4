import { setTimeout as passing } from "node:timers/promises";
import type { Api } from "./api.ts";
import type { Way } from "./harness.ts";

/** A job's view as the interface gives it. */
type Job = Awaited<ReturnType<Api["job"]>>;

/** Looks until it is true, at most for the given time; `what` is said when it does not come true. Looks often at first, later every `interval` milliseconds. */
export async function until(what: string, look: () => Promise<unknown>, seconds = 30, interval = 100): Promise<void> {
  const latest = performance.now() + seconds * 1000;
  for (let pause = interval / 10; ; pause = Math.min(interval, pause * 1.4)) {
    const seen = await look().catch((cause: unknown) => String(cause));
    if (seen === true) return;
    if (performance.now() > latest) throw new Error(`${what}: ${JSON.stringify(seen)}`);
    await passing(pause);
  }
}

/** Looks at a job until it is in this state. */
export async function untilJob(api: Api, id: string, state: string, seconds = 30): Promise<Job> {
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

/** Fires the cron now and then, `later` milliseconds on each time, since what is parked comes back with it, until no job of the tenant is open. */
export async function untilAllEnded(way: Way, tenant: string, seconds = 30, tickEvery = 1000, later = 0): Promise<void> {
  let ticked = Date.now();
  const open = async () => {
    if (Date.now() - ticked > tickEvery) {
      if (later > 0) await way.passWhenIdle(later);
      await way.tick();
      ticked = Date.now();
    }
    const states = await way.rows("SELECT state, gate, reason, count(*) AS n FROM jobs WHERE tenant = ? AND ended IS NULL GROUP BY 1, 2, 3 LIMIT 5", tenant);
    return states.length === 0 || states;
  };
  // A long `tickEvery` means many jobs, and each check reads all of them.
  await until(`jobs of ${tenant} are open`, open, seconds, Math.max(100, tickEvery / 10));
}
