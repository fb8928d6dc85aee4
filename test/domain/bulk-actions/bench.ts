import { env } from "cloudflare:workers";
import { createBulkActions } from "../../../src/domain/bulk-actions/operate";
import { createBulkStore } from "../../../src/domain/bulk-actions/store";
import { createLedger } from "../../../src/ledger/ledger";
import { openJobIds } from "../../../src/ledger/open-jobs";
import { cancelAll } from "../../../src/ledger/operate";
import { createQueries } from "../../../src/ledger/queries";
import { createReplayable } from "../../../src/ledger/replayable";
import { dismissAll } from "../../../src/ledger/review";
import { rotationMark } from "../../../src/ledger/watermarks";
import { recordingDb } from "../../support/recorder";
import { ids as rowIds, lease, messageOf, newJobs, noon, transition } from "../../support/rows";

/** Bulk actions over the real ledger, and the number of their calls and statements. */
export function setUp() {
  const { db, statements } = recordingDb();
  const queries = createQueries(db);
  const acted = { cancel: 0, dismiss: 0 };
  /** `acted`: called within a step of a cancel, before the step is recorded. */
  const hooks = { acted: async () => {} };
  const bulk = createBulkActions({
    now: () => noon,
    store: createBulkStore(db),
    replayable: createReplayable(db),
    jobs: (tenant, filter, page) => queries.jobs(tenant, filter, page),
    jobsOf: async () => [],
    why: async (_tenant, jobs) => jobs.map(() => null),
    openOf: (tenant, ids) => openJobIds(db, tenant, ids, (id) => rowIds.belongs(tenant, id)),
    act: {
      cancel: async (tenant, ids) => {
        acted.cancel++;
        const count = await cancelAll(db, tenant, ids, noon);
        await hooks.acted();
        return count;
      },
      dismiss: (tenant, ids) => (acted.dismiss++, dismissAll(db, tenant, ids, noon)),
      "run-now": () => Promise.reject(new Error("tested in run-now.test.ts")),
    },
    lastServed: rotationMark(db, "bulk-actions"),
  });
  const during = async <T>(call: () => Promise<T>) => {
    statements.length = 0;
    return { result: await call(), statements: statements.length };
  };
  return { bulk, acted, hooks, during };
}

/** Queued jobs of a tenant. */
export async function given(tenant: string, count: number, more: Parameters<typeof newJobs>[2] = {}) {
  const rows = await newJobs(tenant, count, more);
  await createLedger(env.DB, () => undefined).insert(rows);
  return rows;
}

/** Jobs of a tenant that died. */
export async function givenDead(tenant: string, count: number, more: Parameters<typeof newJobs>[2] = {}) {
  const ledger = createLedger(env.DB, () => undefined);
  const rows = await given(tenant, count, more);
  for (let from = 0; from < count; from += 500) {
    const part = rows.slice(from, from + 500);
    await ledger.claim(part.map(messageOf), lease("fails"));
    await ledger.settle(
      part.map((row) => transition(row, { state: "dead", reason: "no", event: "dead" })),
      "fails",
      noon,
    );
  }
  return rows;
}
