import type { HeldJob } from "../../ledger/work/model";
import type { JobRef } from "../../queue/ports/job-row";
import { keyOf } from "../../queue/ref";
import type { WorkDeps } from "./deps";
import { leaseLost, noSuchJob, standingOf, type WorkRefusal } from "./model";
import { typeAtGate } from "../../queue/run/remote";
import { minuteMs } from "../../time/day";

/** The job that a lease holds, or a refusal. A job that is offered again is reclaimed. */
export async function heldJob(deps: WorkDeps, ref: JobRef, lease: string): Promise<{ ok: true; job: HeldJob } | WorkRefusal> {
  const [job] = await deps.ledger.held([ref]);
  if (!job) return noSuchJob();
  const standing = await standingOf(deps.leases, job, lease);
  if (standing === "held") return { ok: true, job };
  const now = deps.engine.now();
  if (standing === "shelved" && (await reclaimHeld(deps, [job], now)).has(keyOf(job))) {
    return { ok: true, job: { ...job, state: "running", wake: now + (job.extension ?? minuteMs) } };
  }
  return leaseLost(job.state);
}

/**
 * Returns jobs to the worker whose lease they still have: it expired, they were offered again, and no other worker took them.
 * Returns the keys of those that no other worker had taken.
 */
export async function reclaimHeld({ ledger }: WorkDeps, jobs: readonly HeldJob[], now: number): Promise<Set<string>> {
  const refs = jobs.flatMap(({ tenant, id, lease, gate, wake }) => {
    const type = typeAtGate(gate);
    return type === undefined || lease === null || wake === null ? [] : [{ tenant, id, nonce: lease, type, place: wake }];
  });
  return new Set((await ledger.reclaim(refs, now)).map(keyOf));
}
