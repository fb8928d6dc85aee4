import { changes, statement } from "../../d1";
import { type HashAddress, hashList, type NewSuppression, type SuppressionScope } from "./model";

/** Rows of one statement. */
const maxRows = 1000;

export type SuppressionStore = ReturnType<typeof createSuppressionStore>;

export function createSuppressionStore(db: D1Database, hash: HashAddress) {
  const hashed = async (tenant: string, list: readonly NewSuppression[]) => {
    const rows = await Promise.all(list.map(async (each) => [await hash(tenant, each.address), each.scope, each.reason, each.address] as const));
    return rows.filter(([found]) => found !== undefined);
  };
  return {
    /** Adds suppressions; an existing one keeps its reason and date. Invalid addresses are skipped. */
    async add(tenant: string, list: readonly NewSuppression[], now: number): Promise<void> {
      const rows = await hashed(tenant, list);
      const parts = Array.from({ length: Math.ceil(rows.length / maxRows) }, (_, index) => rows.slice(index * maxRows, (index + 1) * maxRows));
      if (parts.length > 0) await db.batch(parts.map((part) => db.prepare(`${insert} ON CONFLICT DO NOTHING`).bind(tenant, JSON.stringify(part), now)));
    },
    /** Adds a suppression, or replaces its reason and date. */
    async put(tenant: string, suppression: NewSuppression, now: number): Promise<void> {
      const rows = await hashed(tenant, [suppression]);
      const sql = `${insert} ON CONFLICT DO UPDATE SET reason = excluded.reason, address = excluded.address, since = excluded.since`;
      await statement(db, sql, tenant, JSON.stringify(rows), now).run();
    },
    /** Removes the suppression of one scope, or of both. False: there was none. */
    async remove(tenant: string, address: string, scope?: SuppressionScope): Promise<boolean> {
      const sql = "DELETE FROM suppressions WHERE tenant = ?1 AND hash = ?2 AND (?3 IS NULL OR scope = ?3)";
      return (await changes(db, sql, tenant, (await hash(tenant, address)) ?? "", scope ?? null)) > 0;
    },
    /** Deletes the addresses of an erased person and keeps the hashes, so that no mail is sent to them. Returns how many. */
    async erase(tenant: string, addresses: readonly string[]): Promise<number> {
      const sql = "UPDATE suppressions SET address = NULL WHERE tenant = ?1 AND hash IN (SELECT value FROM json_each(?2)) AND address IS NOT NULL";
      const hashes = await hashList(hash, tenant, addresses);
      return changes(db, sql, tenant, hashes);
    },
  };
}

// `WHERE TRUE`: the parser would take ON CONFLICT for a join's condition.
const insert = `
  INSERT INTO suppressions (tenant, hash, scope, reason, address, since)
  SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, ?3 FROM json_each(?2) WHERE TRUE`;
