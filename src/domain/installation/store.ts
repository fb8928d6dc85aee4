import type { Vault } from "../../tenants/vault";
import type { Access } from "./access";
import type { Heartbeat, Setting } from "./model";

/** What is kept, by name. */
export interface InstallationSettings {
  heartbeat: Heartbeat;
  access: Access;
}

type Name = keyof InstallationSettings;

/** Settings of the installation. Each call is a query. Sealed, since an address may hold a secret. */
export interface InstallationStore {
  /** Null: it is not set. Throws when it cannot be opened: its key was taken out of ENCRYPTION_KEYS. */
  read<N extends Name>(name: N): Promise<Setting<InstallationSettings[N]> | null>;
  put<N extends Name>(name: N, value: InstallationSettings[N], now: number): Promise<void>;
  /** False: it was not set. */
  remove(name: Name): Promise<boolean>;
  /** Seals anew what an older key sealed; how many. */
  rotate(): Promise<number>;
}

/** No tenant has this name. */
const owner = "*";

export function createInstallationStore(db: D1Database, vault: Vault): InstallationStore {
  return {
    async read<N extends Name>(name: N) {
      const row = await db.prepare("SELECT sealed, updated FROM installation WHERE name = ?1").bind(name).first<{ sealed: string; updated: number }>();
      if (!row) return null;
      const opened = await vault.open(owner, name, row.sealed);
      if (!opened.ok) throw new Error(`the setting ${name} cannot be opened: ${opened.reason}`);
      return { value: JSON.parse(opened.text) as InstallationSettings[N], updated: row.updated };
    },
    async put(name, value, now) {
      const sql =
        "INSERT INTO installation (name, sealed, updated) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET sealed = excluded.sealed, updated = excluded.updated";
      await db
        .prepare(sql)
        .bind(name, await vault.seal(owner, name, JSON.stringify(value)), now)
        .run();
    },
    async remove(name) {
      return (await db.prepare("DELETE FROM installation WHERE name = ?1").bind(name).run()).meta.changes > 0;
    },
    async rotate() {
      const { results } = await db.prepare("SELECT name, sealed FROM installation").all<{ name: string; sealed: string }>();
      let count = 0;
      for (const { name, sealed } of results) {
        const anew = await vault.reseal(owner, name, sealed);
        if (anew === undefined) continue;
        count += (await db.prepare("UPDATE installation SET sealed = ?2 WHERE name = ?1 AND sealed = ?3").bind(name, anew, sealed).run()).meta.changes;
      }
      return count;
    },
  };
}
