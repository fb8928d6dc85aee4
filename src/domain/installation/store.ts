import { changes, statement } from "../../d1";
import type { Vault } from "../../tenants/vault";
import type { Access } from "./access";
import type { HeartbeatSetting, Setting } from "./model";

interface InstallationSettings {
  heartbeat: HeartbeatSetting;
  access: Access;
}

type Name = keyof InstallationSettings;

/** Settings of the installation, sealed: an address may contain a secret. Each call is a query. */
export type InstallationStore = ReturnType<typeof createInstallationStore>;

/** No tenant has this name. */
const owner = "*";

export function createInstallationStore(db: D1Database, vault: Vault) {
  return {
    /** Null: it is not set. Throws when it cannot be opened because its key was removed from ENCRYPTION_KEYS. */
    async read<N extends Name>(name: N): Promise<Setting<InstallationSettings[N]> | null> {
      const row = await db.prepare("SELECT sealed, updated FROM installation WHERE name = ?1").bind(name).first<{ sealed: string; updated: number }>();
      if (!row) return null;
      const opened = await vault.open(owner, name, row.sealed);
      if (!opened.ok) throw new Error(`the setting ${name} cannot be opened: ${opened.reason}`);
      return { value: JSON.parse(opened.text) as InstallationSettings[N], updated: row.updated };
    },
    async put<N extends Name>(name: N, value: InstallationSettings[N], now: number): Promise<void> {
      const sql =
        "INSERT INTO installation (name, sealed, updated) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET sealed = excluded.sealed, updated = excluded.updated";
      await statement(db, sql, name, await vault.seal(owner, name, JSON.stringify(value)), now).run();
    },
    /** False: it was not set. */
    async remove(name: Name): Promise<boolean> {
      return (await changes(db, "DELETE FROM installation WHERE name = ?1", name)) > 0;
    },
    /** Seals again what an older key sealed; returns how many settings. */
    async rotate(): Promise<number> {
      const { results } = await db.prepare("SELECT name, sealed FROM installation").all<{ name: string; sealed: string }>();
      let count = 0;
      for (const { name, sealed } of results) {
        const resealed = await vault.reseal(owner, name, sealed);
        if (resealed === undefined) continue;
        count += await changes(db, "UPDATE installation SET sealed = ?2 WHERE name = ?1 AND sealed = ?3", name, resealed, sealed);
      }
      return count;
    },
  };
}
