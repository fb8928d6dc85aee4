import type { Section } from "../../tenants/snapshot";
import type { HookParts } from "./hook";

declare module "../../tenants/snapshot" {
  interface SnapshotSections {
    events: {
      /** The secret that signs what is posted without a token, sealed; null: nothing is taken without one. */
      door: string | null;
      /** Whether a subscription wants to hear of jobs that end. */
      jobs: boolean;
    };
  }
}

/** For the snapshot: what intake and engine must know while D1 is down. */
export const eventSection: Section<"events"> = {
  name: "events",
  read: (db, tenant) => db.prepare(sectionSql).bind(tenant),
  shape: ([row]) => ({ door: typeof row?.["door"] === "string" ? row["door"] : null, jobs: row?.["jobs"] === 1 }),
};

export interface EventDoor {
  /** Sets the secret, or with null shuts the door. */
  put(tenant: string, secret: string | null, now: number): Promise<void>;
  /** The secret in clear; null when it cannot be opened. */
  open(tenant: string, sealed: string): Promise<string | null>;
  /** Seals anew what an older key of the vault sealed, up to `most`; returns how many. */
  rotate(tenant: string, most: number): Promise<number>;
}

export function createEventDoor({ db, vault, changed, raise }: HookParts): EventDoor {
  return {
    async put(tenant, secret, now) {
      const statement =
        secret === null
          ? db.prepare("DELETE FROM event_doors WHERE tenant = ?1").bind(tenant)
          : db.prepare(putSql).bind(tenant, await vault.seal(tenant, sealedName, secret), now);
      await db.batch([statement, raise(tenant)]);
      await changed(tenant);
    },
    async open(tenant, sealed) {
      const opened = await vault.open(tenant, sealedName, sealed);
      return opened.ok ? opened.text : null;
    },
    async rotate(tenant, most) {
      const row = most > 0 ? await db.prepare("SELECT secret FROM event_doors WHERE tenant = ?1").bind(tenant).first<{ secret: string }>() : null;
      const anew = row && (await vault.reseal(tenant, sealedName, row.secret));
      if (!row || !anew) return 0;
      const replace = db.prepare("UPDATE event_doors SET secret = ?2 WHERE tenant = ?1 AND secret = ?3").bind(tenant, anew, row.secret);
      const [replaced] = await db.batch([replace, raise(tenant)]);
      return replaced?.meta.changes ?? 0;
    },
  };
}

const sealedName = "event-door";

const putSql = `
  INSERT INTO event_doors (tenant, secret, updated) VALUES (?1, ?2, ?3)
  ON CONFLICT (tenant) DO UPDATE SET secret = excluded.secret, updated = excluded.updated`;

const sectionSql = `
  SELECT (SELECT secret FROM event_doors WHERE tenant = ?1) AS door,
    EXISTS (SELECT 1 FROM subscriptions WHERE tenant = ?1 AND jobs = 1 AND retired IS NULL) AS jobs`;
