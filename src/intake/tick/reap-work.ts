import type { WorkDeps } from "../../domain/work/deps";
import { reap } from "../../domain/work/reap";
import { pullMemoryMs } from "../../ledger/work/model";
import { rotated } from "../../queue/tick/turns";

/** Gates and pages that one tick reads: its steps share the statements that D1 allows one invocation. */
const maxShelves = 20;
const maxPages = 3;

/** The tick's step: jobs whose worker's lease has expired are offered again, also of types that no worker pulls; old rows are deleted. */
export function reapWork(work: WorkDeps): (now: number) => Promise<Record<string, number | boolean>> {
  return async (now) => {
    const shelves = await work.ledger.expiredShelves(now);
    let [voids, crashed] = [0, 0];
    let more = shelves.length > maxShelves;
    for (const shelf of rotated(shelves, work.engine.random).slice(0, maxShelves)) {
      for (let page = 0; page < maxPages; page++) {
        const reaped = await reap(work, shelf, now);
        voids += reaped.void;
        crashed += reaped.crashed;
        if (!reaped.more) break;
        if (page === maxPages - 1) more = true;
      }
    }
    await work.ledger.forgetPulls(now - pullMemoryMs);
    await work.workers.forget(now);
    return { void: voids, crashed, more };
  };
}
