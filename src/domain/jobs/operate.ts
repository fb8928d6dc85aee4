import { type PauseAuthor, createPauseStore } from "../../ledger/pauses";
import { dismiss, resolveUncertainEffect } from "../../ledger/review";
import type { Queries } from "../../ledger/views";
import type { Engine } from "../../queue/engine";
import type { Pause } from "../../queue/ports/job-row";
import { cancel, retryNow, runNow } from "../../queue/operate";
import type { JobState } from "../../queue/state";

export type JobOperations = ReturnType<typeof createJobOperations>;

/** A job's state afterwards, and whether the call changed it. */
type Operated = Promise<{ state: JobState; changed: boolean } | null>;

/** What operators do to jobs and queues. Throws only when the ledger cannot be reached. */
export function createJobOperations({ db, engine, queries }: { db: D1Database; engine: Engine; queries: Pick<Queries, "job"> }) {
  const { now } = engine;
  const pauses = createPauseStore(db);
  return {
    /** Null: no longer kept. `flagged`: it runs and ends within seconds; `changed` false: it had ended before. */
    cancel: (tenant: string, id: string) => cancel(engine, { tenant, id }),
    /** Null: unknown to the ledger. `changed` false: its state does not allow it. */
    async retry(tenant: string, id: string): Operated {
      const changed = await retryNow(engine, [{ tenant, id }], { event: "retried", from: ["dead", "discarded", "cancelled", "waiting", "retrying"] });
      const job = await queries.job(tenant, id);
      return job && { state: job.state, changed: changed.length > 0 };
    },
    /** Brings a delayed, waiting or retrying job forward. Null: unknown to the ledger. `changed` false: nothing holds it back. */
    async runNow(tenant: string, id: string): Operated {
      const job = await queries.job(tenant, id);
      if (!job) return null;
      const changed = (await runNow(engine, [{ tenant, id, state: job.state, due: job.due }])).length > 0;
      return { state: changed ? "queued" : job.state, changed };
    },
    /** Records of an effect in doubt that it happened, or certainly did not. False: it is not in doubt, or its job runs. */
    resolveUncertainEffect: (tenant: string, id: string, effect: string, finding: "done" | "failed") =>
      resolveUncertainEffect(db, { tenant, id }, effect, finding, now()),
    /** Takes a dead letter off the list. False: it is none. */
    dismiss: (tenant: string, id: string) => dismiss(db, { tenant, id }, now()),
    /** Tenant null is all tenants: only the root token without a tenant comes to that. */
    pause: (tenant: string | null, scope: Pause["scope"], name: string, author: PauseAuthor) => pauses.put(tenant ?? "*", scope, name, author, now()),
    resume: (tenant: string | null, scope: Pause["scope"], name: string) => pauses.remove(tenant ?? "*", scope, name),
    /** Null: all of them; else the tenant's own and those of all tenants (`*`). */
    pauses: (tenant: string | null) => pauses.list(tenant),
  };
}
