import type { HeldJob } from "../../ledger/work/model";
import { keyOf } from "../../queue/ref";
import { typeAtGate } from "../../queue/run/remote";
import type { WorkDeps } from "./deps";

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
