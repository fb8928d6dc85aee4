import { statement } from "../d1";

/**
 * Adds an entity key to a job while it runs, so that a search by the key finds the job, as by the keys of its contract.
 * `key` is a query of one column, `key`, over ?1 (tenant) and ?2 (job): part of the caller's own batch.
 */
export function nameJob(db: D1Database, tenant: string, job: string, key: string): D1PreparedStatement[] {
  const insert = `INSERT INTO entities (tenant, key, id) SELECT ?1, n.key, ?2 FROM (${key}) n WHERE true ON CONFLICT DO NOTHING`;
  // Retention finds the rows above by this list.
  const list = `
    UPDATE jobs SET entities = json_insert(coalesce(jobs.entities, '[]'), '$[#]', n.key) FROM (${key}) n
    WHERE jobs.tenant = ?1 AND jobs.id = ?2 AND NOT EXISTS (SELECT 1 FROM json_each(coalesce(jobs.entities, '[]')) WHERE value = n.key)`;
  return [statement(db, insert, tenant, job), statement(db, list, tenant, job)];
}
