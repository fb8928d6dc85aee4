import { sizesOf } from "../../ledger/open-jobs";
import type { Engine } from "../../queue/engine";
import { runNow } from "../../queue/operate";
import { bySize } from "../../queue/tick/bring-back";

/** Brings some hundred delayed, waiting and retrying jobs of one tenant forward; returns how many were changed. */
export async function runAllNow(db: D1Database, engine: Engine, tenant: string, ids: readonly string[]): Promise<number> {
  const seen = (await sizesOf(db, tenant, ids)).map((job) => ({ ...job, tenant }));
  let changed = 0;
  for (const group of bySize(seen, ({ bytes }) => bytes)) changed += (await runNow(engine, group)).length;
  return changed;
}
