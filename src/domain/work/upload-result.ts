import { equalTexts, sha256Hex } from "../../crypto";
import type { HeldJob } from "../../ledger/work/model";
import type { JobRef } from "../../queue/ports/job-row";
import { below, check } from "../../queue/validate";
import type { WorkDeps } from "./deps";
import { heldJob } from "./held-job";
import { leaseLost, workRefusal, type WorkRefusal } from "./model";

/** Bytes of an uploaded result. */
export const maxUploadedResult = 1024 * 1024;

/** The path for a result that is too large for its settlement, valid as long as the lease. */
export async function resultAddress(deps: WorkDeps, ref: JobRef, lease: string): Promise<{ ok: true; path: string } | WorkRefusal> {
  const held = await heldJob(deps, ref, lease);
  if (!held.ok) return held;
  const signature = await deps.leases.forResult(ref, held.job.lease ?? "");
  return { ok: true, path: `/v1/work/${ref.id}/result?tenant=${ref.tenant}&signature=${signature}` };
}

/** The job whose result may be stored with this signature; null for any other signature, and after the lease. */
export async function jobOfUpload({ engine, ledger, leases }: WorkDeps, ref: JobRef, signature: string): Promise<HeldJob | null> {
  const [job] = await ledger.held([ref]);
  if (!job || job.lease === null || job.state !== "running" || job.until <= engine.now()) return null;
  return equalTexts(await leases.forResult(ref, job.lease), signature) ? job : null;
}

/**
 * Stores a valid result and returns the id to settle with; the same result has the same id. A lease has one uploaded result;
 * a further one replaces it. A result for a lease that ended meanwhile is deleted again.
 */
export async function uploadResult(
  { engine, ledger, results }: WorkDeps,
  job: HeldJob,
  result: unknown,
): Promise<{ ok: true; resultId: string } | WorkRefusal> {
  const schema = engine.registry.find(job.type)?.contract.result;
  const checked = schema ? check(schema, result) : { ok: true as const };
  if (!checked.ok) {
    const errors = checked.issues.map(({ path, message }) => ({ path: below("result", path), message }));
    return { ...workRefusal("invalid", "The result does not fit its type; the lease still stands.", job.state), errors };
  }
  const text = JSON.stringify(result);
  const resultId = await sha256Hex(text, 32);
  const name = await resultName(job, resultId);
  const key = await results.putAs(job.tenant, job.id, name, text);
  if (!(await ledger.attach(job, key, job.lease ?? ""))) {
    await results.remove([key]);
    return leaseLost(job.state);
  }
  if (job.resultRef !== null && job.resultRef !== key) await results.remove([job.resultRef]);
  return { ok: true, resultId };
}

/** Whether the job has an uploaded result of this id, stored under its current lease. */
export async function hasUploaded(job: HeldJob, resultId: string): Promise<boolean> {
  return job.resultRef !== null && job.resultRef.endsWith(`/${await resultName(job, resultId)}`);
}

async function resultName({ lease }: HeldJob, resultId: string): Promise<string> {
  return `result-${await sha256Hex(`result ${lease}`, 16)}-${resultId}`;
}
