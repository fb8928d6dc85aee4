import { latestTime } from "./entity";
import { endsOf, keysOf, phoneKeys } from "../erasure/person";

/** What one event recorded of one thing. Facts are only added; their order of arrival has no meaning. */
export interface Fact {
  entity: string;
  /** When it happened, milliseconds. */
  at: number;
  /** The event's id: the same fact twice is one. */
  event: string;
  type: string;
  data: Record<string, unknown>;
}

/** The newest word on each field, whatever came in last. */
export interface State {
  data: Record<string, unknown>;
  /** Raised by every fact, also by one that changes nothing. 0: nothing is known. */
  version: number;
}

export interface Facts {
  /** Adds what is not there yet. Throws when the database cannot be reached. */
  add(tenant: string, fact: Fact): Promise<void>;
  stateOf(tenant: string, entity: string): Promise<State>;
  /** The newest, oldest of them first. */
  list(tenant: string, entity: string, limit?: number): Promise<Fact[]>;
}

declare module "../../queue/job" {
  interface Capabilities {
    facts: Facts;
  }
}

/** A thing's state is made from this many of its newest facts. */
const maxFolded = 500;

export function createFacts(db: D1Database): Facts {
  const newest = async (tenant: string, entity: string, limit: number) => {
    const { results } = await db.prepare(newestSql).bind(tenant, entity, limit).all<Row>();
    return results.toReversed();
  };
  return {
    add: async (tenant, { entity, at, event, type, data }) => {
      const email = keysOf({ email: data["email"] })[0]?.slice(2) ?? null;
      const phone = endsOf(phoneKeys(data["phone"]))[0] ?? null;
      await db.prepare(addSql).bind(tenant, entity, at, event, type, JSON.stringify(data), email, phone).run();
    },
    stateOf: async (tenant, entity) => {
      const rows = await newest(tenant, entity, maxFolded);
      return { data: fold(rows), version: rows[0]?.total ?? 0 };
    },
    list: async (tenant, entity, limit = 200) => (await newest(tenant, entity, limit)).map(factOf),
  };
}

/** What is sent to the CRM is kept apart from what is stored: either may be switched off. */
export function crmEntity(entity: string): string {
  return `crm ${entity}`;
}

interface Row {
  entity: string;
  at: number;
  event: string;
  type: string;
  data: string;
  total: number;
}

const addSql = `INSERT INTO facts (tenant, entity, at, event, type, data, email, phone) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING`;

const newestSql = `
  SELECT entity, at, event, type, data, (SELECT count(*) FROM facts WHERE tenant = ?1 AND entity = ?2) AS total
  FROM facts WHERE tenant = ?1 AND entity = ?2 ORDER BY at DESC, event DESC LIMIT ?3`;

/** A field that is not named keeps what it was; one that is null was emptied. */
function fold(rows: readonly Row[]): Record<string, unknown> {
  return Object.fromEntries(rows.flatMap(({ data }) => Object.entries(JSON.parse(data) as Record<string, unknown>)));
}

function factOf({ entity, at, event, type, data }: Row): Fact {
  // Rows from before times were bounded must not keep the others from being read.
  return { entity, at: Math.min(at, latestTime), event, type, data: JSON.parse(data) as Record<string, unknown> };
}
