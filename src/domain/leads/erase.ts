import { readEmail } from "./email";
import { readPhone } from "./phone";

/** Whom to forget: exactly one of the two. */
export interface Person {
  email?: string | undefined;
  phone?: string | undefined;
}

/** What is kept of them. */
export interface Traces {
  leads: string[];
  /** Ids of the submissions, which are those of their jobs. */
  submissions: string[];
  /** When the first and the last of them came; milliseconds. */
  from: number;
  to: number;
}

/** The keys under which a person's leads are found; none when what was given is neither. `countries`: where a number without one may be from. */
export function keysOf({ email, phone = "" }: Person, countries: readonly string[] = []): string[] {
  if (email !== undefined) {
    const read = readEmail(email);
    return read ? [...new Set([read.key, read.address])].map((key) => `e:${key}`) : [];
  }
  const digits = phone.replaceAll(/[^\d+]/g, "");
  const read = [undefined, ...countries].map((country) => readPhone(phone, [country]).key);
  return [...new Set([...read, digits.length >= 5 ? digits : undefined])].filter((key) => key !== undefined).map((key) => `p:${key}`);
}

/** The addresses among such keys. */
export function addressesIn(keys: readonly string[]): string[] {
  return keys.filter((key) => key.startsWith("e:")).map((key) => key.slice(2));
}

/** Every lead that ever gave one of the keys, with all its submissions. */
export async function tracesOf(db: D1Database, tenant: string, keys: readonly string[]): Promise<Traces> {
  const found = `SELECT i.lead FROM json_each(?2) k CROSS JOIN lead_identities i ON i.tenant = ?1 AND i.key = k.value`;
  const [leads, submissions] = await db.batch<{ id: string; at: number }>([
    db.prepare(`SELECT DISTINCT lead AS id, 0 AS at FROM (${found})`).bind(tenant, JSON.stringify(keys)),
    db.prepare(`SELECT id, at FROM lead_submissions WHERE tenant = ?1 AND lead IN (${found})`).bind(tenant, JSON.stringify(keys)),
  ]);
  const times = (submissions?.results ?? []).map(({ at }) => at);
  return {
    leads: (leads?.results ?? []).map(({ id }) => id),
    submissions: (submissions?.results ?? []).map(({ id }) => id),
    from: times.reduce((least, at) => Math.min(least, at), times[0] ?? 0),
    to: times.reduce((most, at) => Math.max(most, at), 0),
  };
}

const mostLetters = 20_000;

/** Submissions of the person that never became a lead: their jobs are dead letters. Of very many, the newest are looked at. */
export async function deadSubmissions(db: D1Database, tenant: string, keys: readonly string[]): Promise<string[]> {
  const sql = `
    SELECT j.id FROM (SELECT tenant, id FROM dead_letters WHERE tenant = ?1 AND type = 'lead' ORDER BY died DESC LIMIT ${mostLetters}) d
    CROSS JOIN jobs j ON j.tenant = d.tenant AND j.id = d.id
    WHERE j.payload IS NOT NULL AND ('e:' || (j.payload ->> '$.contact.emailKey') IN (SELECT value FROM json_each(?2))
      OR 'p:' || (j.payload ->> '$.contact.phoneKey') IN (SELECT value FROM json_each(?2)))`;
  const { results } = await db.prepare(sql).bind(tenant, JSON.stringify(keys)).all<{ id: string }>();
  return results.map(({ id }) => id);
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
