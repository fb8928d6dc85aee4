import type { JobRef } from "../../queue/ports/job-row";
import type { JobState } from "../../queue/state";
import { typeAtGate } from "../../queue/run/remote";
import { conclude, leaveGates } from "./conclude";
import { maskedReasons } from "./masked-reason";
import type { WorkDeps } from "./deps";
import { leaseLost, noSuchJob, standingOf, type WorkRefusal } from "./model";

/** Releases a job: it is offered again, and no attempt and no run is counted. A job with a cancel flag ends. */
export async function release(
  deps: WorkDeps,
  { lease, reason, ...ref }: JobRef & { lease: string; reason?: string | undefined },
): Promise<{ ok: true; state: JobState } | WorkRefusal> {
  const { engine, ledger } = deps;
  const [job] = await ledger.held([ref]);
  if (!job) return noSuchJob();
  const standing = await standingOf(deps.leases, job, lease);
  // The lease expired: the job is offered already.
  if (standing === "shelved") await ledger.giveUp({ ...ref, nonce: job.lease ?? "" });
  if (standing === "released" || standing === "shelved") return { ok: true, state: job.state };
  const type = typeAtGate(job.gate);
  if (standing !== "held" || type === undefined) return leaseLost(job.state);
  if (job.cancel === 1) {
    const row = (await conclude(deps, [{ job, outcome: { kind: "cancelled" }, started: job.offered !== 1 }])).values().next().value;
    return row ? { ok: true, state: row.state } : leaseLost(job.state);
  }
  const [detail = null] = reason === undefined ? [] : await maskedReasons(deps, [{ job, text: reason }]);
  const returned = await ledger.giveBack([{ ...ref, nonce: job.lease ?? "", type, why: "released", detail }], engine.now());
  if (returned.length === 0) return leaseLost(job.state);
  await ledger.dropLeases([{ tenant: ref.tenant, type, id: ref.id, at: job.wake ?? 0 }]);
  await leaveGates(engine, [job], "none");
  return { ok: true, state: "queued" };
}
