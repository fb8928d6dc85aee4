import { keysOf } from "./person";

/** What is kept of a person. */
export interface Traces {
  leads: string[];
  /** Ids of the submissions, which are those of their jobs. */
  submissions: string[];
}

/** As the index has it: the digits by which a number is found. */
const end = "substr(ltrim(substr(i.key, 3), '+'), -9)";

/** ?1 tenant, ?2 keys. An address is looked up as it is kept, a number by its end. */
const found = `
  SELECT i.lead FROM json_each(?2) k CROSS JOIN lead_identities i ON i.tenant = ?1 AND i.key = k.value WHERE substr(k.value, 1, 2) = 'e:'
  UNION SELECT i.lead FROM json_each(?2) k CROSS JOIN lead_identities i INDEXED BY lead_identities_by_end
    ON i.tenant = ?1 AND substr(i.key, 1, 2) = 'p:' AND ${end} = substr(k.value, 3) WHERE substr(k.value, 1, 2) = 'p:'`;

/** Every lead that ever gave one of the keys, with all its submissions. */
export async function tracesOf(db: D1Database, tenant: string, keys: readonly string[]): Promise<Traces> {
  const [leads, submissions] = await db.batch<{ id: string }>([
    db.prepare(`SELECT lead AS id FROM (${found})`).bind(tenant, JSON.stringify(keys)),
    db.prepare(`SELECT id FROM lead_submissions WHERE tenant = ?1 AND lead IN (${found})`).bind(tenant, JSON.stringify(keys)),
  ]);
  return { leads: (leads?.results ?? []).map(({ id }) => id), submissions: (submissions?.results ?? []).map(({ id }) => id) };
}

/** Every address and number that these leads ever gave. */
export async function keysOfLeads(db: D1Database, tenant: string, leads: readonly string[], countries: readonly string[]): Promise<string[]> {
  const sql = `
    SELECT DISTINCT s.data ->> '$.contact.email' AS email, s.data ->> '$.contact.phone' AS phone
    FROM json_each(?2) l CROSS JOIN lead_submissions s INDEXED BY lead_submissions_by_lead ON s.tenant = ?1 AND s.lead = l.value`;
  const { results } = await db.prepare(sql).bind(tenant, JSON.stringify(leads)).all<{ email: string | null; phone: string | null }>();
  return [...new Set(results.flatMap((said) => keysOf(said, countries)))];
}

const tables = [
  ["lead_activity", "lead"],
  ["lead_identities", "lead"],
  ["lead_submissions", "lead"],
  ["leads", "id"],
] as const;

/** Removes the leads and all that hangs on them, in one transaction. */
export async function removeLeads(db: D1Database, tenant: string, { leads }: Pick<Traces, "leads">): Promise<{ leads: number; submissions: number }> {
  return remove(
    db,
    leads.map((id) => [tenant, id]),
  );
}

export const botDays = 90;
const mostBots = 200;

/** For the tick: removes robots that were not seen for a long time, of all tenants; returns how many. */
export async function removeOldBots(db: D1Database, now: number): Promise<number> {
  const sql = `SELECT tenant, id FROM leads WHERE kind = 'bot' AND updated < ?1 ORDER BY updated LIMIT ${mostBots}`;
  const { results } = await db
    .prepare(sql)
    .bind(now - botDays * 24 * 3600_000)
    .all<{ tenant: string; id: string }>();
  const { leads } = await remove(
    db,
    results.map(({ tenant, id }) => [tenant, id]),
  );
  return leads;
}

async function remove(db: D1Database, leads: readonly (readonly [tenant: string, id: string])[]): Promise<{ leads: number; submissions: number }> {
  if (leads.length === 0) return { leads: 0, submissions: 0 };
  const list = JSON.stringify(leads);
  const results = await db.batch(
    tables.map(([table, column]) =>
      db.prepare(`DELETE FROM ${table} WHERE (tenant, ${column}) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))`).bind(list),
    ),
  );
  return { leads: changes(results[3]), submissions: changes(results[2]) };
}

/** Rows written count those of the indexes as well; the changes do not. */
function changes(result: D1Result | undefined): number {
  return result?.meta.changes ?? 0;
}
