import { statement } from "../d1";

/**
 * SQL of the jobs, `j`, of the tenant ?1 that have one of the entity keys ?2. The first key of a job is found by the index, which is named because
 * SQLite would walk through all jobs of the tenant; the others have rows in `entities`. An earlier release wrote a row for the first key too.
 */
export const jobsByEntity = (columns: string) => `
  SELECT ${columns} FROM json_each(?2) k CROSS JOIN jobs j INDEXED BY jobs_by_entity
  ON j.tenant = ?1 AND j.entities->>0 = k.value AND j.entities IS NOT NULL UNION ALL
  SELECT ${columns} FROM json_each(?2) k CROSS JOIN entities n ON n.tenant = ?1 AND n.key = k.value
  CROSS JOIN jobs j ON j.tenant = n.tenant AND j.id = n.id AND j.entities->>0 IS NOT k.value`;

/**
 * Adds an entity key to a job while it runs, so that a search by the key finds the job, as by the keys of its contract.
 * `key` is a query of one column, `key`, over ?1 (tenant) and ?2 (job): part of the caller's own batch.
 */
export function nameJob(db: D1Database, tenant: string, job: string, key: string): D1PreparedStatement[] {
  const list = `
    UPDATE jobs SET entities = json_insert(coalesce(jobs.entities, '[]'), '$[#]', n.key) FROM (${key}) n
    WHERE jobs.tenant = ?1 AND jobs.id = ?2 AND NOT EXISTS (SELECT 1 FROM json_each(coalesce(jobs.entities, '[]')) WHERE value = n.key)`;
  // Retention finds this row by the list.
  const insert = `
    INSERT INTO entities (tenant, key, id) SELECT j.tenant, n.key, j.id FROM (${key}) n CROSS JOIN jobs j ON j.tenant = ?1 AND j.id = ?2
    WHERE j.entities->>0 <> n.key ON CONFLICT DO NOTHING`;
  return [statement(db, list, tenant, job), statement(db, insert, tenant, job)];
}
