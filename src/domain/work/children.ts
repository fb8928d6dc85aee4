import { fingerprint } from "../../json/canonical";
import type { JobRef } from "../../queue/ports/job-row";
import { acceptChildren } from "../../queue/outside-children";
import type { EnqueueRequest, Receipt, Refused } from "../../queue/request";
import { heldJob } from "./held-job";
import type { WorkDeps } from "./deps";
import type { WorkRefusal } from "./model";

/** A worker's request for a child. */
type ChildRequest = Pick<EnqueueRequest, "type" | "payload" | "delaySeconds" | "runAt" | "dryRun" | "key">;

/**
 * Enqueues children of a job that a worker holds, one receipt each, in order. Their ids derive from parent, type and key;
 * without a key from their index in the list and their payload, so that a repeated run enqueues none twice.
 */
export async function enqueueChildren(
  deps: WorkDeps,
  { lease, ...parent }: JobRef & { lease: string },
  children: readonly (ChildRequest | Refused)[],
): Promise<{ ok: true; receipts: Receipt[] } | WorkRefusal> {
  const held = await heldJob(deps, parent, lease);
  if (!held.ok) return held;
  const isDry = held.job.dry === 1;
  const requests = await Promise.all(
    children.map(async (child, index) => ("ok" in child ? child : { request: childRequest(parent, child, isDry), key: await keyOfChild(child, index) })),
  );
  const acceptable = requests.filter((each) => "request" in each);
  const receipts = (await acceptChildren(deps.engine, held.job, acceptable)).values();
  return { ok: true, receipts: requests.map((each) => ("request" in each ? (receipts.next().value as Receipt) : each)) };
}

function childRequest({ tenant }: JobRef, { type, payload, delaySeconds, runAt, dryRun }: ChildRequest, isDry: boolean): EnqueueRequest {
  return { tenant, type, payload, delaySeconds, runAt, dryRun: isDry || dryRun === true };
}

async function keyOfChild({ key, payload }: ChildRequest, index: number): Promise<string> {
  return key === undefined ? `#${index} ${await fingerprint(payload ?? null)}` : key;
}
