import type { Queries } from "../../../ledger/queries";
import type { Engine } from "../../../queue/engine";
import { retryNow } from "../../../queue/operate";

/** Jobs woken at once. */
const maxWoken = 200;

/** Wakes up to 200 jobs that wait for a site; further ones wake at their own time. */
export async function wakeSite(engine: Engine, queries: Pick<Queries, "jobs">, tenant: string, site: string): Promise<void> {
  const { jobs } = await queries.jobs(tenant, { siteId: site, state: "waiting" }, { limit: maxWoken });
  const refs = jobs.map(({ id }) => ({ tenant, id }));
  if (refs.length > 0) await retryNow(engine, refs, { event: "resumed", from: ["waiting"] });
}
