import { env } from "cloudflare:workers";
import { createQueries } from "../../src/ledger/queries";
import type { JobDetail, JobFilter, JobView } from "../../src/ledger/views";

const queries = () => createQueries(env.DB);

/** All jobs of a tenant that fit, as its lists show them, the newest first. */
export async function jobsOf(tenant: string, filter: JobFilter = {}): Promise<JobView[]> {
  const all: JobView[] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await queries().jobs(tenant, filter, { limit: 200, cursor });
    all.push(...page.jobs);
    ({ cursor } = page);
  }
  return all;
}

/** How many of a tenant's jobs are in each state. */
export async function statesOf(tenant: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { state } of await jobsOf(tenant)) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** One job as its page shows it; throws when there is none. */
export async function jobOf(tenant: string, id: string): Promise<JobDetail> {
  const job = await queries().job(tenant, id);
  if (!job) throw new Error(`${tenant} has no job ${id}`);
  return job;
}
