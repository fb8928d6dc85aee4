import { statement } from "../d1";
import { timePart } from "../queue/id";

/** How many jobs of a tenant or site came to one event. */
export interface EventCount {
  name: string;
  /** enqueued, done, retrying, waiting, discarded, dead, cancelled, crashed; of sites the state that the job is in. */
  event: string;
  count: number;
  /** Sum of the runs' milliseconds. */
  ms: number;
}

/** Newest jobs of each tenant that are counted by site: the minute counters have no column for it. */
const maxCounted = 20_000;

const byTenant = `
  SELECT c.tenant AS name, c.event, sum(c.n) AS count, sum(c.ms) AS ms FROM json_each(?1) t CROSS JOIN counters c ON c.tenant = t.value
  WHERE c.minute >= ?2 AND c.minute < ?3 GROUP BY 1, 2`;

const bySite = `
  SELECT site AS name, state AS event, count(*) AS count, sum(coalesce(ended - started, 0)) AS ms FROM (
    SELECT site, state, started, ended FROM jobs WHERE tenant = ?1 AND id >= ?2 AND id < ?3 ORDER BY id DESC LIMIT ${maxCounted})
  WHERE site IS NOT NULL GROUP BY 1, 2`;

/** Events of these tenants' jobs within a time (milliseconds; the end is exclusive). */
export async function countsByTenant(db: D1Database, tenants: readonly string[], from: number, to: number): Promise<EventCount[]> {
  return (await statement(db, byTenant, JSON.stringify(tenants), from, to).all<EventCount>()).results;
}

/** States of the jobs of a tenant's sites that were accepted within a time; of its newest 20,000 jobs. */
export async function countsBySite(db: D1Database, tenant: string, from: number, to: number): Promise<EventCount[]> {
  return (await statement(db, bySite, tenant, timePart(from), timePart(to)).all<EventCount>()).results;
}
