import type { Engine } from "../../queue/engine";
import { retryNow } from "../../queue/operate";
import { isTerminal, type JobState } from "../../queue/state";
import { noteWoken, unwokenDecisions } from "./store";

interface WakeDeps {
  db: D1Database;
  engine: Engine;
}

/** Wakes a waiting run after a decision. The tick wakes a run that is not waiting yet. */
export async function wake({ db, engine }: WakeDeps, tenant: string, job: string): Promise<void> {
  const woken = await retryNow(engine, [{ tenant, id: job }], { event: "decided", from: ["waiting"] });
  if (woken.length > 0) await noteWoken(db, tenant, job);
}

/** For the tick: wakes runs that began to wait while a person decided. `stateOf` returns null for a job without a row. */
export async function wakeDecided(deps: WakeDeps & { stateOf(tenant: string, id: string): Promise<JobState | null> }, limit: number): Promise<number> {
  const waiting = await unwokenDecisions(deps.db, limit);
  for (const { tenant, job } of waiting) {
    const state = await deps.stateOf(tenant, job);
    if (state === null || isTerminal(state)) await noteWoken(deps.db, tenant, job);
    else await wake(deps, tenant, job);
  }
  return waiting.length;
}
