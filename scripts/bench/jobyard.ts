// Used by npm run bench: the product with a job that does nothing, and what a benchmark must see or set of it.
import { join } from "node:path";
import { setTimeout as passing } from "node:timers/promises";
import { makeTenant, type Tenant } from "./tenant.ts";
import { root, type Started, type StartOptions, type Workbench } from "./worker.ts";

/** What of it is billed: the names are those of the table of prices. */
export type Meter = Record<string, number>;

export interface Jobyard extends Started {
  tenant: Tenant;
  control<T>(what: string, values?: Record<string, string | number>): Promise<T>;
  /** Accepts so many jobs without effect by the batch call; answers with their ids. */
  batch(count: number, more?: { payload?: object; job?: object }): Promise<string[]>;
  /** Until so many of the tenant's jobs are done; answers with the milliseconds since `begun`. */
  untilDone(count: number, begun: number): Promise<number>;
}

const perBatch = 10_000;

/** By default as deployed: rows are written on demand, and no address of this machine may be called. */
export async function startJobyard(bench: Workbench, options: StartOptions & { metered?: boolean }): Promise<Jobyard> {
  const { local = false, metered = false, change, ...rest } = options;
  const started = await bench.worker({
    ...rest,
    local,
    bindings: metered ? { METERED: "yes" } : {},
    change: (config) => {
      config.main = join(root, "scripts", "bench", "inside", "entry.ts");
      // The batch time-out of the queues whose jobs are waited for.
      for (const consumer of config.queues.consumers) if (consumer.queue === "analytics-events") consumer.max_batch_timeout = 1;
      change?.(config);
    },
  });
  const tenant = await makeTenant(started, "bench");
  return driverOf(started, tenant);
}

export function driverOf(started: Started, tenant: Tenant): Jobyard {
  const control: Jobyard["control"] = async (what, values = {}) => {
    const query = new URLSearchParams({ tenant: tenant.name, ...Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)])) });
    const answer = await fetch(`${started.url}/__bench/${what}?${query}`, { method: "POST", signal: AbortSignal.timeout(300_000) });
    if (!answer.ok) throw new Error(`/__bench/${what} answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
    return (await answer.json()) as never;
  };
  const recordedNow = async () => (await control<{ done: number }>("recorded")).done;
  return {
    ...started,
    tenant,
    control,
    batch: async (count, { payload = {}, job = {} } = {}) => {
      const ids: string[] = [];
      for (let from = 0; from < count; from += perBatch) {
        const jobs = Array.from({ length: Math.min(perBatch, count - from) }, (_, n) => ({ type: "noop", payload: { n: from + n, ...payload }, ...job }));
        const answer = (await tenant.ask("POST", "/v1/jobs/batch", { jobs })) as { accepted: number; ids: string[] };
        if (answer.accepted !== jobs.length) throw new Error(`of ${jobs.length} jobs ${answer.accepted} were accepted`);
        ids.push(...answer.ids);
      }
      return ids;
    },
    untilDone: async (count, begun) => {
      let [most, since] = [0, performance.now()];
      for (let recorded = await recordedNow(); recorded < count; recorded = await recordedNow()) {
        if (recorded > most) [most, since] = [recorded, performance.now()];
        if (performance.now() - since > 300_000) throw new Error(`${recorded} of ${count} jobs are done, and none more for five minutes`);
        await passing(20);
      }
      const ms = performance.now() - begun;
      const { done } = await control<{ done: number }>("counts");
      if (done < count) throw new Error(`${count} jobs were said to be done, the ledger has ${done}`);
      return ms;
    },
  };
}
