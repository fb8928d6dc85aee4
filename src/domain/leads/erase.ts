import { dayMs } from "../../time/day";
import { statement } from "../../d1";
import { endsOf, isFullNumber, keysOf } from "../erasure/person";
import { refreshLead } from "./store";
import { identityKeys, type Submission } from "./model";

/** A submission of a lead with its addresses and numbers. */
export interface SubmissionKeys {
  lead: string;
  /** Id of the submission and of its job. */
  id: string;
  keys: string[];
  /** Whether it has an address or a number, valid or not. */
  hasContact: boolean;
  /** Whether the tenant's server sent it: a browser sends whatever its user types. Older submissions did not record it. */
  isTrusted: boolean;
}

/** The part of a lead to delete. */
export interface LeadPart {
  lead: string;
  /** No submission names another person, so the lead is deleted whole. */
  isWhole: boolean;
  submissions: string[];
}

/** The expression of the index: the last 9 digits of a number. */
const end = "substr(ltrim(substr(i.key, 3), '+'), -9)";

const byEnd = (ends: string) => `
  FROM json_each(${ends}) k CROSS JOIN lead_identities i INDEXED BY lead_identities_by_end
    ON i.tenant = ?1 AND substr(i.key, 1, 2) = 'p:' AND ${end} = k.value`;

/** ?1 tenant, ?2 keys, ?3 last digits. An address is looked up as it is stored, a number by its last digits, which other numbers may share. */
const leadsSql = `
  SELECT i.lead FROM json_each(?2) k CROSS JOIN lead_identities i ON i.tenant = ?1 AND i.key = k.value WHERE substr(k.value, 1, 2) = 'e:'
  UNION SELECT i.lead ${byEnd("?3")}`;

/** Keys of the numbers with a country code that leads gave and that have the last digits of one of the keys. */
export async function numbersLike(db: D1Database, tenant: string, keys: readonly string[]): Promise<string[]> {
  const sql = `SELECT DISTINCT i.key ${byEnd("?2")}`;
  const { results } = await statement(db, sql, tenant, JSON.stringify(endsOf(keys))).all<{ key: string }>();
  return results.map(({ key }) => key).filter(isFullNumber);
}

/** Every submission of every lead that gave one of the keys, or a number with the same last digits. */
export async function submissionsNaming(db: D1Database, tenant: string, keys: readonly string[], countries: readonly string[]): Promise<SubmissionKeys[]> {
  const sql = `
    SELECT s.lead, s.id, coalesce(s.data ->> '$.contact.email', s.data ->> '$.contact.emailKey') AS email,
      coalesce(s.data ->> '$.contact.phone', s.data ->> '$.contact.phoneKey') AS phone, s.data ->> '$.request.sender' AS sender
    FROM (${leadsSql}) found CROSS JOIN lead_submissions s INDEXED BY lead_submissions_by_lead ON s.tenant = ?1 AND s.lead = found.lead`;
  type Row = Pick<SubmissionKeys, "lead" | "id"> & Record<"email" | "phone" | "sender", string | null>;
  const { results } = await statement(db, sql, tenant, JSON.stringify(keys), JSON.stringify(endsOf(keys))).all<Row>();
  return results.map(({ lead, id, email, phone, sender }) => {
    const hasContact = email !== null || phone !== null;
    return { lead, id, keys: keysOf({ email, phone }, countries), hasContact, isTrusted: sender === "server" };
  });
}

/** The ids among these that are leads of ours; others are those of the tenant's systems. */
export async function leadsAmong(db: D1Database, tenant: string, ids: readonly string[]): Promise<string[]> {
  const sql = "SELECT l.id FROM json_each(?2) e CROSS JOIN leads l ON l.tenant = ?1 AND l.id = e.value";
  return (await db.prepare(sql).bind(tenant, JSON.stringify(ids)).all<{ id: string }>()).results.map(({ id }) => id);
}

/** A lead is deleted whole when its submissions name only the keys; else only the submissions that name one of them. */
export function leadParts(submissions: readonly SubmissionKeys[], keys: ReadonlySet<string>): LeadPart[] {
  return [...Map.groupBy(submissions, ({ lead }) => lead)].flatMap(([lead, all]) => {
    const carrying = all.filter((each) => each.keys.some((key) => keys.has(key)));
    const isWhole = all.every((each) => !each.hasContact || each.keys.some((key) => keys.has(key)));
    if (carrying.length === 0 && !isWhole) return [];
    return [{ lead, isWhole, submissions: (isWhole ? all : carrying).map(({ id }) => id) }];
  });
}

const tables = [
  ["lead_activity", "lead"],
  ["lead_identities INDEXED BY lead_identities_by_lead", "lead"],
  ["lead_submissions INDEXED BY lead_submissions_by_lead", "lead"],
  ["leads", "id"],
] as const;

/** Deletes whole leads with their related rows, and single submissions of others. Returns how many of both. */
export async function removeParts(db: D1Database, tenant: string, parts: readonly LeadPart[]): Promise<{ leads: number; submissions: number }> {
  const whole = await remove(
    db,
    parts.filter(({ isWhole }) => isWhole).map(({ lead }) => [tenant, lead]),
  );
  let { submissions } = whole;
  for (const part of parts) if (!part.isWhole) submissions += await removeSubmissions(db, tenant, part);
  return { leads: whole.leads, submissions };
}

/** The lead keeps the fields and keys of its other submissions. */
async function removeSubmissions(db: D1Database, tenant: string, { lead, submissions }: LeadPart): Promise<number> {
  const ids = JSON.stringify(submissions);
  const others =
    "SELECT data FROM lead_submissions INDEXED BY lead_submissions_by_lead WHERE tenant = ?1 AND lead = ?2 AND id NOT IN (SELECT value FROM json_each(?3))";
  const { results } = await db.prepare(others).bind(tenant, lead, ids).all<{ data: string }>();
  const remove = (table: string, which: string, list: string) =>
    statement(
      db,
      `DELETE FROM ${table} INDEXED BY ${table}_by_lead WHERE tenant = ?1 AND lead = ?2 AND ${which} (SELECT value FROM json_each(?3))`,
      tenant,
      lead,
      list,
    );
  const kept = JSON.stringify([...new Set(results.flatMap(({ data }) => identityKeys(JSON.parse(data) as Submission)))]);
  const [removed] = await db.batch([remove("lead_submissions", "id IN", ids), remove("lead_identities", "key NOT IN", kept), refreshLead(db, tenant, lead)]);
  return changes(removed);
}

export const botDays = 90;
const maxBots = 200;

/** For the tick: deletes robots not seen for 90 days, of all tenants. Returns how many. */
export async function removeOldBots(db: D1Database, now: number): Promise<number> {
  const sql = `SELECT tenant, id FROM leads WHERE kind = 'bot' AND updated < ?1 ORDER BY updated LIMIT ${maxBots}`;
  const { results } = await statement(db, sql, now - botDays * dayMs).all<{ tenant: string; id: string }>();
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

/** `rows_written` includes the rows of indexes; `changes` does not. */
function changes(result: D1Result | undefined): number {
  return result?.meta.changes ?? 0;
}
