import type { AlertFailure } from "../alerts/model";
import type { WorkDeps } from "./deps";
import { unpolledAfterMs } from "./model";

/** Findings about remote workers: types with waiting jobs that no worker pulls, and workers that do not start their offers. */
export async function workFindings({ ledger, workers }: Pick<WorkDeps, "ledger" | "workers">, now: number): Promise<AlertFailure[]> {
  const [shelves, polled, silenced] = await Promise.all([ledger.waiting(), workers.polledAfter(now - unpolledAfterMs), workers.silenced(now)]);
  const polledTypes = new Set(polled.map(({ owner, type }) => `${owner}/${type}`));
  const isAsked = (tenant: string, type: string) => polledTypes.has(`${tenant}/${type}`) || polledTypes.has(`*/${type}`);
  const unpolled = shelves.filter(({ tenant, type, since }) => since !== null && since <= now - unpolledAfterMs && !isAsked(tenant, type));
  return [
    ...unpolled.map(({ tenant, type, waiting }) => ({
      tenant,
      cause: `no-worker/${type}`,
      subject: type,
      reason: `${waiting === 1 ? "1 job waits" : `${waiting} jobs wait`} and no worker asks for them`,
      count: waiting,
      lastAt: now,
    })),
    ...silenced.map(({ owner, worker, voids }) => ({
      tenant: owner,
      cause: `offers-void/${worker}`,
      subject: worker,
      reason: `the worker did not start ${voids} offers in a row: answers may not reach it`,
      count: voids,
      lastAt: now,
    })),
  ];
}
