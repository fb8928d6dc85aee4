import { type PauseAuthor, createPauseStore } from "../../ledger/pauses";
import { dismiss, resolveSingleDoubts, resolveUncertainEffect } from "../../ledger/review";
import type { Queries } from "../../ledger/queries";
import type { Engine } from "../../queue/engine";
import type { Pause } from "../../queue/ports/job-row";
import { cancel, retryNow, runNow } from "../../queue/operate";
import type { JobState } from "../../queue/state";

export type JobOperations = ReturnType<typeof createJobOperations>;

/** A job's state afterwards, and whether the call changed it. */
type Operated = Promise<{ state: JobState; changed: boolean } | null>;

/** Operators' acts on jobs and queues. Throws only when the ledger cannot be reached. */
export function createJobOperations({ db, engine, queries }: { db: D1Database; engine: Engine; queries: Pick<Queries, "job"> }) {
  const { now } = engine;
  const pauses = createPauseStore(db);
  const oneEffectTypes = engine.registry.contracts().flatMap(({ oneEffect, type, aliases }) => (oneEffect ? [type, ...aliases] : []));
  return {
    /** Null: it has no row any more. `flagged`: it is running, and ends within seconds. `changed` false: it had ended before. */
    cancel: (tenant: string, id: string) => cancel(engine, { tenant, id }),
    /** Null: it has no row. `changed` false: its state does not allow it. */
    async retry(tenant: string, id: string): Operated {
      const changed = await retryNow(engine, [{ tenant, id }], { event: "retried", from: ["dead", "discarded", "cancelled", "waiting", "retrying"] });
      const job = await queries.job(tenant, id);
      return job && { state: job.state, changed: changed.length > 0 };
    },
    /** Runs a delayed, waiting or retrying job now. Null: it has no row. `changed` false: nothing holds it back. */
    async runNow(tenant: string, id: string): Operated {
      const job = await queries.job(tenant, id);
      if (!job) return null;
      const changed = (await runNow(engine, [{ tenant, id, state: job.state, due: job.due }])).length > 0;
      return { state: changed ? "queued" : job.state, changed };
    },
    /** Records that an uncertain effect happened, or certainly did not. False: it is not uncertain, or its job is running. */
    resolveUncertainEffect: (tenant: string, id: string, effect: string, finding: "done" | "failed") =>
      resolveUncertainEffect(db, { tenant, id }, effect, finding, now()),
    /** As above, for jobs with one uncertain effect and no act besides it each; returns the ids of those that were settled. */
    resolveSingleDoubts: (tenant: string, ids: readonly string[], finding: "done" | "failed") =>
      resolveSingleDoubts(db, tenant, ids, { finding, now: now(), oneEffectTypes }),
    /** Dismisses a dead letter. False: it is none. */
    dismiss: (tenant: string, id: string) => dismiss(db, { tenant, id }, now()),
    /** Tenant null: all tenants, for the root token without a tenant only. */
    pause: (tenant: string | null, scope: Pause["scope"], name: string, author: PauseAuthor) => pauses.put(tenant ?? "*", scope, name, author, now()),
    resume: (tenant: string | null, scope: Pause["scope"], name: string) => pauses.remove(tenant ?? "*", scope, name),
    /** Tenant null: all pauses; else the tenant's and those of all tenants (`*`). */
    pauses: (tenant: string | null) => pauses.list(tenant),
  };
}
