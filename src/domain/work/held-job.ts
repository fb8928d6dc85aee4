import type { HeldJob } from "../../ledger/work/model";
import type { JobRef } from "../../queue/ports/job-row";
import { keyOf } from "../../queue/ref";
import type { WorkDeps } from "./deps";
import { leaseLost, noSuchJob, standingOf, type WorkRefusal } from "./model";
import { reclaimHeld } from "./reclaim";
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
