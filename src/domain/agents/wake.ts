import type { Engine } from "../../queue/engine";
import { retryNow } from "../../queue/operate";
import { isTerminal, type JobState } from "../../queue/state";
import { noteWoken, unwokenDecisions } from "./store";

export interface WakeDeps {
  db: D1Database;
  engine: Engine;
}

/** Brings a waiting run forward once a person decided. One that is not waiting yet is left to the tick. */
export async function wake({ db, engine }: WakeDeps, tenant: string, job: string): Promise<void> {
  const woken = await retryNow(engine, [{ tenant, id: job }], { event: "decided", from: ["waiting"] });
  if (woken.length > 0) await noteWoken(db, tenant, job);
}

/** The tick's part: runs that began to wait while a person decided. `stateOf` answers null for a job that is gone. */
export async function wakeDecided(deps: WakeDeps & { stateOf(tenant: string, id: string): Promise<JobState | null> }, limit: number): Promise<number> {
  const waiting = await unwokenDecisions(deps.db, limit);
  for (const { tenant, job } of waiting) {
    const state = await deps.stateOf(tenant, job);
    if (state === null || isTerminal(state)) await noteWoken(deps.db, tenant, job);
    else await wake(deps, tenant, job);
  }
  return waiting.length;
}
