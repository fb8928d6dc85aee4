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

export interface SettingsTable<Row> {
  one(tenant: string, name: string): Promise<Row | null>;
  all(tenant: string): Promise<Row[]>;
  /** Runs the statements in one transaction, with a new version of the snapshot. Returns the result of the first. */
  write(tenant: string, ...statements: D1PreparedStatement[]): Promise<D1Result<Row>>;
  /** False: there was none. `besides` run in the same transaction. */
  remove(tenant: string, name: string, ...besides: D1PreparedStatement[]): Promise<boolean>;
  /** As `SettingsStore.rotate`. */
  rotate(tenant: string, max?: number): Promise<number>;
}

/** What every store of such a table offers besides setting a row. */
interface SettingsStore<View> {
  get(tenant: string, name: string): Promise<View | null>;
  /** By name. */
  list(tenant: string): Promise<View[]>;
  /** False: there was none. */
  remove(tenant: string, name: string): Promise<boolean>;
  /** Seals anew what an older key of the vault sealed, up to `max` rows; returns how many. A row that changed meanwhile is left for the next time. */
  rotate(tenant: string, max?: number): Promise<number>;
}

/** The part of a store that follows from its table; `view` is a row as it may be shown. */
export function createSettingsStore<Row extends object, View>(table: SettingsTable<Row>, view: (row: Row) => View): SettingsStore<View> {
  return {
    async get(tenant, name) {
      const row = await table.one(tenant, name);
      return row && view(row);
    },
    list: async (tenant) => (await table.all(tenant)).map(view),
    remove: (tenant, name) => table.remove(tenant, name),
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
): SettingsTable<Row> {
  const write: SettingsTable<Row>["write"] = async (tenant, ...statements) => {
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
    one: (tenant, name) => db.prepare(`SELECT ${columns} FROM ${table} WHERE tenant = ?1 AND ${key} = ?2`).bind(tenant, name).first<Row>(),
    all,
    write,
    async remove(tenant, name, ...besides) {
      const statement = db.prepare(`DELETE FROM ${table} WHERE tenant = ?1 AND ${key} = ?2`).bind(tenant, name);
      return (await write(tenant, statement, ...besides)).meta.changes > 0;
    },
    async rotate(tenant, max = Infinity) {
      let done = 0;
      for (const row of max > 0 ? await all(tenant) : []) if (done < max && (await reseal(tenant, row))) done++;
      return done;
    },
  };
}
