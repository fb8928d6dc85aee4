import { env } from "cloudflare:workers";
import { createLedger } from "../../src/ledger/ledger";
import type { NewJob } from "../../src/queue/ports/intake-ledger";
import { ids, lease, messageOf, newJob, newJobs, noon, transition } from "../support/rows";

const ledger = createLedger(env.DB, () => undefined);

/** Children of one job, the oldest first. */
export async function givenChildren(parent: { tenant: string; id: string }, count: number, more: Partial<NewJob> = {}): Promise<NewJob[]> {
  const { tenant, id } = parent;
  const children = await Promise.all(
    Array.from({ length: count }, async (_, index) =>
      newJob({ tenant, id: await ids.derive(tenant, ["child", id, "email", `${index}`]), parent: id, at: noon + index, ...more }),
    ),
  );
  await ledger.insert(children);
  return children;
}

/** A job without relatives. */
export async function givenParent(tenant: string): Promise<NewJob> {
  const [parent] = await newJobs(tenant, 1);
  if (!parent) throw new Error("one row was asked for");
  await ledger.insert([parent]);
  return parent;
}

/** Claims and settles these jobs. */
export async function end(rows: readonly NewJob[], state: "done" | "dead"): Promise<void> {
  await ledger.claim(rows.map(messageOf), lease(state));
  await ledger.settle(
    rows.map((row) => transition(row, state === "dead" ? { state, reason: "no", event: "dead" } : {})),
    state,
    noon,
  );
}
