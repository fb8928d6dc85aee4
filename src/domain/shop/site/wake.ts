import type { Queries } from "../../../ledger/views";
import type { Engine } from "../../../queue/engine";
import { retryNow } from "../../../queue/operate";

/** Jobs that are brought forward at once. */
const maxWoken = 200;

/** What waits for a site goes on at once; of more than 200 jobs the rest goes on when its time has come. */
export async function wakeSite(engine: Engine, queries: Pick<Queries, "jobs">, tenant: string, site: string): Promise<void> {
  const { jobs } = await queries.jobs(tenant, { siteId: site, state: "waiting" }, { limit: maxWoken });
  const refs = jobs.map(({ id }) => ({ tenant, id }));
  if (refs.length > 0) await retryNow(engine, refs, { event: "resumed", from: ["waiting"] });
}
