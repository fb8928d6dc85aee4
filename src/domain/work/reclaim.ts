import type { HeldJob } from "../../ledger/work/model";
import { keyOf } from "../../queue/ref";
import { typeAtGate } from "../../queue/run/remote";
import type { WorkDeps } from "./deps";

/**
 * Gives jobs back to the worker whose lease is still on them: it ran out, they went back on the shelf, and no other worker took them.
 * Returns the keys of those that were still there.
 */
export async function reclaimed({ ledger }: WorkDeps, jobs: readonly HeldJob[], now: number): Promise<Set<string>> {
  const refs = jobs.flatMap(({ tenant, id, lease, gate, wake }) => {
    const type = typeAtGate(gate);
    return type === undefined || lease === null || wake === null ? [] : [{ tenant, id, nonce: lease, type, place: wake }];
  });
  return new Set((await ledger.reclaim(refs, now)).map(keyOf));
}
