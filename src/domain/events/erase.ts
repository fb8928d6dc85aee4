import { changes, statement } from "../../d1";
import type { Prefilter } from "../erasure/person-matcher";
import { endsOf, isFullNumber, keysOf, phoneKeys } from "../erasure/person";
import { crmEntity } from "./entity";

/** An entity that belongs to one person, and the addresses and numbers that events gave for it. */
export interface PersonEntity {
  /** Without the suffix of facts sent to the CRM. */
  entity: string;
  keys: string[];
}

/** Kinds of entities that belong to one person; facts of others may be about several people. */
const ownKinds = ["lead", "offer"];

/** Leads and offers for which an event gave one of the keys, these leads, and the offers of any of them (ids without their kind). */
export async function personEntities(
  db: D1Database,
  tenant: string,
  { keys, leads }: { keys: readonly string[]; leads: readonly string[] },
  countries: readonly string[],
): Promise<PersonEntity[]> {
  const named = [
    ...(await rows<Row>(db, [factsSql(db, "SELECT f.entity", byEmail, tenant, addressesIn(keys))])),
    ...(await withNumber(db, tenant, keys, countries)),
  ];
  const own = new Set([...leads.map((id) => `lead:${id}`), ...personal(named)]);
  const offered = await rows<Row>(db, [factsSql(db, "SELECT f.entity", byLead, tenant, leadsIn(own))]);
  const entities = [...new Set([...own, ...personal(offered)])];
  const gave = "SELECT DISTINCT f.entity, f.data ->> '$.email' AS email, f.data ->> '$.phone' AS phone";
  const facts = await rows<Row & { email: unknown; phone: unknown }>(db, [factsSql(db, gave, byEntity, tenant, withCrm(entities))]);
  const byThing = Map.groupBy(facts, ({ entity }) => bare(entity));
  return entities.map((entity) => ({ entity, keys: [...new Set((byThing.get(entity) ?? []).flatMap((each) => keysOf(each, countries)))] }));
}

/** Keys of the numbers with a country code that events gave and that have the last digits of one of the keys. */
export async function numbersGiven(db: D1Database, tenant: string, keys: readonly string[], countries: readonly string[]): Promise<string[]> {
  const facts = await rows<{ phone: unknown }>(db, [factsSql(db, "SELECT DISTINCT f.data ->> '$.phone' AS phone", byPhone, tenant, endsOf(keys))]);
  return facts.flatMap(({ phone }) => phoneKeys(phone, countries)).filter(isFullNumber);
}

/** The facts with one of the numbers. The index finds them by the last digits, which other numbers may share. */
async function withNumber(db: D1Database, tenant: string, keys: readonly string[], countries: readonly string[]): Promise<Place[]> {
  const select = "SELECT f.entity, f.at, f.event, f.data ->> '$.phone' AS phone";
  const facts = await rows<Place & { phone: unknown }>(db, [factsSql(db, select, byPhone, tenant, endsOf(keys))]);
  return facts.filter(({ phone }) => phoneKeys(phone, countries).some((key) => keys.includes(key)));
}

/** Deletes all facts of these entities, and the person's data in facts of others. Returns how many facts. */
export async function eraseAbout(
  db: D1Database,
  tenant: string,
  { entities, keys, countries }: { entities: readonly string[]; keys: readonly string[]; countries: readonly string[] },
): Promise<number> {
  const numbered = await withNumber(db, tenant, keys, countries);
  const all = withCrm(entities);
  const drop = (from: string, values: readonly string[]) =>
    statement(db, `DELETE FROM facts WHERE (tenant, entity, at, event) IN (SELECT f.tenant, f.entity, f.at, f.event ${from})`, tenant, JSON.stringify(values));
  const results = await db.batch([
    drop(byEntity, all),
    drop(byEmail, addressesIn(keys)),
    db.prepare(dropPlaces).bind(tenant, placesOf(numbered)),
    drop(byLead, leadsIn(new Set(entities))),
    ...["follow_ups", "answers"].map((table) =>
      db.prepare(`DELETE FROM ${table} WHERE tenant = ?1 AND entity IN (SELECT value FROM json_each(?2))`).bind(tenant, JSON.stringify(all)),
    ),
  ]);
  return results.slice(0, 4).reduce((sum, { meta }) => sum + meta.changes, 0);
}

/** A fact, any text of which may name a person. */
export interface RecordedFact {
  entity: string;
  at: number;
  event: string;
  data: string;
  email: string | null;
  /** As the event gave it. */
  phone: unknown;
}

export type FactPlace = readonly [entity: string, at: number, event: string];

const pageSize = 2000;
const maxFound = 100;

/** The next page of a walk over all facts: those that match a prefilter, how many were examined, and the place of the last (null: the walk is complete). */
export async function nextFacts(
  db: D1Database,
  tenant: string,
  after: FactPlace,
  needles: readonly Prefilter[],
): Promise<{ facts: RecordedFact[]; looked: number; last: FactPlace | null }> {
  const page = `SELECT entity, at, event, data, email, data ->> '$.phone' AS phone FROM facts WHERE tenant = ?1 AND (entity, at, event) > (?2, ?3, ?4) ORDER BY entity, at, event LIMIT ${pageSize}`;
  const ending = `SELECT entity, at, event, (SELECT count(*) FROM (${page})) AS looked FROM (${page}) ORDER BY entity DESC, at DESC, event DESC LIMIT 1`;
  const holding = `
    SELECT f.* FROM (${page}) f WHERE EXISTS (SELECT 1 FROM json_each(?5) n
      WHERE instr(replace(lower(f.data), '.', ''), n.value ->> 0) AND instr(replace(lower(f.data), '.', ''), n.value ->> 1) AND f.data LIKE n.value ->> 2) ORDER BY f.entity, f.at, f.event LIMIT ${maxFound}`;
  const [end, factRows] = await db.batch<RecordedFact & { looked: number }>([
    db.prepare(ending).bind(tenant, ...after),
    db.prepare(holding).bind(tenant, ...after, JSON.stringify(needles)),
  ]);
  const facts = factRows?.results ?? [];
  const last = facts.length === maxFound ? facts.at(-1) : end?.results[0];
  return { facts, looked: end?.results[0]?.looked ?? 0, last: last ? [last.entity, last.at, last.event] : null };
}

/** Deletes these facts, and no others of the same entities. */
export async function removeFacts(db: D1Database, tenant: string, facts: readonly Place[]): Promise<number> {
  if (facts.length === 0) return 0;
  return changes(db, dropPlaces, tenant, placesOf(facts));
}

const dropPlaces = "DELETE FROM facts WHERE tenant = ?1 AND (entity, at, event) IN (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?2))";

function placesOf(facts: readonly Place[]): string {
  return JSON.stringify(facts.map(({ entity, at, event }) => [entity, at, event]));
}

interface Row {
  entity: string;
}

interface Place extends Row {
  at: number;
  event: string;
}

// Each uses its own partial index, named because SQLite would otherwise scan all facts of the tenant.
const byEmail = "FROM json_each(?2) k CROSS JOIN facts f INDEXED BY facts_by_email ON f.tenant = ?1 AND f.email IS NOT NULL AND f.email = k.value";
const byPhone = "FROM json_each(?2) k CROSS JOIN facts f INDEXED BY facts_by_phone ON f.tenant = ?1 AND f.phone IS NOT NULL AND f.phone = k.value";
const byLead = `
  FROM json_each(?2) k CROSS JOIN facts f INDEXED BY facts_by_lead ON f.tenant = ?1 AND f.data ->> '$.leadId' IS NOT NULL AND f.data ->> '$.leadId' = k.value`;
const byEntity = "FROM json_each(?2) k CROSS JOIN facts f ON f.tenant = ?1 AND f.entity = k.value";

function factsSql(db: D1Database, select: string, from: string, tenant: string, values: readonly string[]): D1PreparedStatement {
  return db.prepare(`${select} ${from}`).bind(tenant, JSON.stringify(values));
}

async function rows<R>(db: D1Database, statements: D1PreparedStatement[]): Promise<R[]> {
  return (await db.batch<R>(statements)).flatMap(({ results }) => results);
}

function addressesIn(keys: readonly string[]): string[] {
  return keys.filter((key) => key.startsWith("e:")).map((key) => key.slice(2));
}

function withCrm(entities: readonly string[]): string[] {
  return entities.flatMap((entity) => [entity, crmEntity(entity)]);
}

function bare(entity: string): string {
  return entity.replace(/^crm /, "");
}

function personal(found: readonly Row[]): string[] {
  return found.map(({ entity }) => bare(entity)).filter((entity) => ownKinds.includes(entity.split(":")[0] ?? ""));
}

function leadsIn(entities: ReadonlySet<string>): string[] {
  return [...entities].filter((entity) => entity.startsWith("lead:")).map((entity) => entity.slice("lead:".length));
}
