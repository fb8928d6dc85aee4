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
  };
}

const sealedName = "event-door";

const putSql = `
  INSERT INTO event_doors (tenant, secret, updated) VALUES (?1, ?2, ?3)
  ON CONFLICT (tenant) DO UPDATE SET secret = excluded.secret, updated = excluded.updated`;

const sectionSql = `
  SELECT (SELECT secret FROM event_doors WHERE tenant = ?1) AS door,
    EXISTS (SELECT 1 FROM subscriptions WHERE tenant = ?1 AND jobs = 1 AND retired IS NULL) AS jobs`;
