import { lists, statement } from "./d1";

/**
 * A transactional outbox: a table into which the transaction that makes a change writes what is to be published of it. Publishing hands rows
 * on under keys that follow from them, then removes them: a crash in between hands the same on again, so each is published once.
 */
export type Outbox = ReturnType<typeof createOutbox>;

/** Names stand in SQL as they are. */
interface OutboxTable {
  table: string;
  /** The columns of its primary key; the first is the tenant. */
  key: readonly ["tenant", ...string[]];
  /** Tenants that one call of `tenants` names. */
  maxTenants: number;
}

/** Tenants among which chance chooses. */
const maxSought = 1000;

export function createOutbox(db: D1Database, { table, key, maxTenants }: OutboxTable) {
  const values = key.map((_, index) => `value ->> ${index}`).join(", ");
  const removeSql = `DELETE FROM ${table} WHERE (${key.join(", ")}) IN (SELECT ${values} FROM json_each(?1))`;
  return {
    /** Tenants with rows, a bounded number of them by chance: one whose rows are refused does not hold up the others. */
    async tenants(): Promise<string[]> {
      const { results } = await statement(db, tenantsSql(table), maxSought).all<{ tenant: string }>();
      const drawn = results.map(({ tenant }) => ({ tenant, place: Math.random() })).toSorted((one, other) => one.place - other.place);
      return drawn.slice(0, maxTenants).map(({ tenant }) => tenant);
    },
    /** Removes published rows by their keys: the values of `OutboxTable.key` in its order. */
    async remove(keys: readonly (readonly (string | number)[])[]): Promise<void> {
      if (keys.length > 0) await db.batch(lists(keys).map((list) => statement(db, removeSql, list)));
    },
  };
}

/** Seeks from tenant to tenant in the key and does not read the rows between. */
function tenantsSql(table: string): string {
  return `
    WITH RECURSIVE hop(tenant) AS (
      SELECT min(tenant) FROM ${table}
      UNION ALL SELECT (SELECT min(tenant) FROM ${table} WHERE tenant > hop.tenant) FROM hop WHERE hop.tenant IS NOT NULL LIMIT ?1
    ) SELECT tenant FROM hop WHERE tenant IS NOT NULL`;
}
