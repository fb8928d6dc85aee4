import { equalTexts } from "../../crypto";
import type { JobRef } from "../../queue/ports/job-row";
import { keyOf } from "../../queue/ref";
import type { WorkDeps } from "./deps";

/** The payload of a job whose address was signed for its current lease; null for any other signature, and after the lease. */
export async function loadPayload({ engine, ledger, leases }: WorkDeps, ref: JobRef, signature: string): Promise<string | null> {
  const [job] = await ledger.held([ref]);
  if (!job || job.lease === null || job.state !== "running" || job.until <= engine.now()) return null;
  if (!equalTexts(await leases.forPayload(ref, job.lease), signature)) return null;
  return job.ref === null ? ((await ledger.payloads([ref])).get(keyOf(ref)) ?? null) : engine.payloads.get(job.ref);
}
