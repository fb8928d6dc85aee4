import { type Changed, raiseVersion } from "./tenant";
import type { Vault } from "./vault";

/** A table of settings by tenant and name, of which some columns are sealed by the vault. */
interface SettingsShape<Row> {
  table: string;
  /** The column of the name. */
  key: keyof Row & string;
  columns: string;
  /** Each sealed column with the name that it is sealed under. */
  sealed: { [Column in keyof Row & string]?: (name: string) => string };
  /** False: the table is not in the snapshot, so its changes do not raise the snapshot's version. Default true. */
  inSnapshot?: boolean;
}

export type SettingsTable<Row extends object> = ReturnType<typeof createSettingsTable<Row>>;

/** The part of a store that follows from its table; `view` is a row as it may be shown. */
export function createSettingsStore<Row extends object, View>(table: SettingsTable<Row>, view: (row: Row) => View) {
  return {
    async get(tenant: string, name: string): Promise<View | null> {
      const row = await table.one(tenant, name);
      return row && view(row);
    },
    /** By name. */
    list: async (tenant: string): Promise<View[]> => (await table.all(tenant)).map(view),
    /** False: there was none. */
    remove: (tenant: string, name: string): Promise<boolean> => table.remove(tenant, name),
    rotate: table.rotate,
  };
}

interface SettingsDeps {
  db: D1Database;
  vault: Pick<Vault, "reseal">;
  changed: Changed;
}

export function createSettingsTable<Row extends object>(
  { db, vault, changed }: SettingsDeps,
  { table, key, columns, sealed, inSnapshot = true }: SettingsShape<Row>,
) {
  const write = async (tenant: string, ...statements: D1PreparedStatement[]): Promise<D1Result<Row>> => {
    const [first] = await db.batch<Row>(inSnapshot ? [...statements, raiseVersion(db, tenant)] : statements);
    if (inSnapshot) await changed(tenant);
    return first!;
  };
  const all = async (tenant: string) => (await db.prepare(`SELECT ${columns} FROM ${table} WHERE tenant = ?1 ORDER BY ${key}`).bind(tenant).all<Row>()).results;
  const names = Object.keys(sealed) as (keyof Row & string)[];
  const resealSql = `UPDATE ${table} SET ${names.map((name, index) => `${name} = ?${index + 3}`).join(", ")}
    WHERE tenant = ?1 AND ${key} = ?2 AND ${names.map((name, index) => `${name} IS ?${index + 3 + names.length}`).join(" AND ")}`;
  const reseal = async (tenant: string, row: Row): Promise<boolean> => {
    const before = names.map((name) => row[name] as string | null);
    const resealed = await Promise.all(names.map((name, index) => before[index] && vault.reseal(tenant, sealed[name]!(String(row[key])), before[index])));
    if (!resealed.some(Boolean)) return false;
    const update = db.prepare(resealSql).bind(tenant, row[key], ...resealed.map((text, index) => text || before[index]), ...before);
    // The tick publishes the raised version; until then the former text can be opened as well.
    const [replaced] = await db.batch(inSnapshot ? [update, raiseVersion(db, tenant)] : [update]);
    return (replaced?.meta.changes ?? 0) > 0;
  };
  return {
    one: (tenant: string, name: string): Promise<Row | null> =>
      db.prepare(`SELECT ${columns} FROM ${table} WHERE tenant = ?1 AND ${key} = ?2`).bind(tenant, name).first<Row>(),
    all,
    /** Runs the statements in one transaction, with a new version of the snapshot. Returns the result of the first. */
    write,
    /** False: there was none. `besides` run in the same transaction. */
    async remove(tenant: string, name: string, ...besides: D1PreparedStatement[]): Promise<boolean> {
      const statement = db.prepare(`DELETE FROM ${table} WHERE tenant = ?1 AND ${key} = ?2`).bind(tenant, name);
      return (await write(tenant, statement, ...besides)).meta.changes > 0;
    },
    /** Seals anew what an older key of the vault sealed, up to `max` rows; returns how many. A row that changed meanwhile is left for the next time. */
    async rotate(tenant: string, max = Infinity): Promise<number> {
      let done = 0;
      for (const row of max > 0 ? await all(tenant) : []) if (done < max && (await reseal(tenant, row))) done++;
      return done;
    },
  };
}
