import { crmEntity } from "./facts";

/** What events say somebody is: addresses in lower case, and ids of leads without their kind. */
export interface Mentioned {
  emails: readonly string[];
  leads: readonly string[];
}

/** Kinds of things that are one person's; anything else may be said of several people. */
const ownKinds = ["lead", "offer"];

/** The things that are this person's: leads and offers that name an address, and offers of these leads. */
export async function entitiesOfPerson(db: D1Database, tenant: string, { emails, leads }: Mentioned): Promise<string[]> {
  const { results: named } = await db.prepare(`SELECT f.entity ${byEmail}`).bind(tenant, JSON.stringify(emails)).all<Row>();
  const own = new Set([...leads.map((id) => `lead:${id}`), ...ownOf(named)]);
  const { results: offered } = await db
    .prepare(`SELECT f.entity ${byLead}`)
    .bind(tenant, JSON.stringify(leadsIn(own)))
    .all<Row>();
  return [...new Set([...own, ...ownOf(offered)])];
}

/** Forgets everything about these things, and what is said of the person elsewhere; returns how many facts. */
export async function eraseAbout(db: D1Database, tenant: string, entities: readonly string[], emails: readonly string[]): Promise<number> {
  const keys = JSON.stringify(entities.flatMap((entity) => [entity, crmEntity(entity)]));
  const within = "tenant = ?1 AND entity IN (SELECT value FROM json_each(?2))";
  const results = await db.batch([
    db.prepare(`DELETE FROM facts WHERE ${within}`).bind(tenant, keys),
    db.prepare(drop(byEmail)).bind(tenant, JSON.stringify(emails)),
    db.prepare(drop(byLead)).bind(tenant, JSON.stringify(leadsIn(new Set(entities)))),
    ...["follow_ups", "answers"].map((table) => db.prepare(`DELETE FROM ${table} WHERE ${within}`).bind(tenant, keys)),
  ]);
  return results.slice(0, 3).reduce((sum, { meta }) => sum + meta.changes, 0);
}

interface Row {
  entity: string;
}

// Each has an index of its own, which holds only the facts that have the field; left to itself SQLite would walk all of a tenant's.
const byEmail = `
  FROM json_each(?2) k CROSS JOIN facts f INDEXED BY facts_by_email ON f.tenant = ?1 AND f.data ->> '$.email' IS NOT NULL AND lower(f.data ->> '$.email') = k.value`;
const byLead = `
  FROM json_each(?2) k CROSS JOIN facts f INDEXED BY facts_by_lead ON f.tenant = ?1 AND f.data ->> '$.leadId' IS NOT NULL AND f.data ->> '$.leadId' = k.value`;
const drop = (found: string) => `DELETE FROM facts WHERE (tenant, entity, at, event) IN (SELECT f.tenant, f.entity, f.at, f.event ${found})`;

function ownOf(rows: readonly Row[]): string[] {
  return rows.map(({ entity }) => entity.replace(/^crm /, "")).filter((entity) => ownKinds.includes(entity.split(":")[0] ?? ""));
}

function leadsIn(entities: ReadonlySet<string>): string[] {
  return [...entities].filter((entity) => entity.startsWith("lead:")).map((entity) => entity.slice("lead:".length));
}
