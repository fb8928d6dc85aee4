import { env } from "cloudflare:workers";
import type { Shop } from "../../src/providers/shop/shop";
import { failed, ok, type Reply } from "../../src/queue/effect";
import type { Contract, InputOf } from "../../src/queue/job";
import { createJobBench, type JobBench, type WorkedJob } from "../support/job-bench";

type SiteInput<C extends Contract> = Omit<InputOf<C>, "siteId"> & { siteId?: string };

/** The sync jobs of a tenant over its shop, the site `main`; the shop alone is made up. */
export function createSyncBench(tenant: string, shop: (bench: JobBench["bench"]) => Shop) {
  const open = async (site: string): Promise<Reply<Shop>> =>
    site === "main" ? ok(shop(yard.bench)) : failed({ class: "config", code: "site", reason: `There is no site "${site}".` });
  const yard: JobBench = createJobBench({ tenant, capabilities: () => ({ shops: { open }, scope: { db: env.DB, tenant } }) });
  const accept = <C extends Contract>(contract: C, payload: SiteInput<C>, options: { dryRun?: boolean } = {}): Promise<WorkedJob> =>
    yard.accept(contract, { siteId: "main", ...payload } as InputOf<C>, options);
  return {
    ...yard,
    accept,
    /** A job, with all that it enqueues and waits for. */
    run: async <C extends Contract>(contract: C, payload = {} as SiteInput<C>, options: { dryRun?: boolean } = {}): Promise<WorkedJob> =>
      (await accept(contract, payload, options)).untilEnded(),
  };
}
