import { sizesOf } from "../../ledger/open-jobs";
import type { Engine } from "../../queue/engine";
import { runNow } from "../../queue/operate";
import { bySize } from "../../queue/tick/bring-back";

/** Runs delayed, waiting and retrying jobs of one tenant now, some hundreds at once. Returns how many it changed. */
export async function runAllNow(db: D1Database, engine: Engine, tenant: string, ids: readonly string[]): Promise<number> {
  const jobs = (await sizesOf(db, tenant, ids)).map((job) => ({ ...job, tenant }));
  let changed = 0;
  for (const group of bySize(jobs, ({ bytes }) => bytes)) changed += (await runNow(engine, group)).length;
  return changed;
}
