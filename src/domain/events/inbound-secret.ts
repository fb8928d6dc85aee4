import { verify } from "../../standard-webhooks";
import { createSettingsTable } from "../../tenants/settings-table";
import type { Section, Snapshots } from "../../tenants/snapshot";
import type { EndpointDeps } from "../destinations/sealed-endpoint";

declare module "../../tenants/snapshot" {
  interface SnapshotSections {
    events: {
      /** The sealed secrets that sign events posted without a token; null: a token is required. */
      door: string | null;
      /** Whether a subscription receives ends of jobs. */
      jobs: boolean;
    };
  }
}

/** For the snapshot, so that intake and engine have it while D1 is down. */
export const eventSection: Section<"events"> = {
  name: "events",
  read: (db, tenant) => db.prepare(sectionSql).bind(tenant),
  shape: ([row]) => ({ door: typeof row?.["door"] === "string" ? row["door"] : null, jobs: row?.["jobs"] === 1 }),
};

export type InboundSecretStore = ReturnType<typeof createInboundSecretStore>;

export function createInboundSecretStore(deps: EndpointDeps) {
  const { db } = deps;
  const table = createSettingsTable<{ tenant: string; secret: string }>(deps, {
    table: "event_doors",
    key: "tenant",
    columns: "tenant, secret",
    sealed: { secret: () => secretName },
  });
  return {
    /** Sets the secret; the former one stays valid for `overlap` milliseconds (default 0). */
    async put(tenant: string, secret: string, now: number, overlap: number = 0): Promise<void> {
      const row = overlap > 0 ? await table.one(tenant, tenant) : null;
      const [before] = row ? await keysIn(deps, tenant, row.secret) : [];
      const keys: Key[] = before && before.secret !== secret ? [{ secret }, { secret: before.secret, until: now + overlap }] : [{ secret }];
      const sealed = await deps.vault.seal(tenant, secretName, JSON.stringify(keys));
      await table.write(tenant, db.prepare(putSql).bind(tenant, sealed, now));
    },
    /** Events without a token are refused from now on. */
    remove: async (tenant: string): Promise<void> => void (await table.remove(tenant, tenant)),
    /** The valid secrets, opened; empty when they cannot be opened. */
    open: async (tenant: string, sealed: string, now: number): Promise<string[]> =>
      (await keysIn(deps, tenant, sealed)).flatMap(({ secret, until }) => (until === undefined || now < until ? [secret] : [])),
    /** As `SettingsStore.rotate`. */
    rotate: table.rotate,
  };
}

type SignatureCheck = { state: "verified"; id: string } | { state: "refused" | "unknown" };

/**
 * `refused`: unknown tenant, no secret, wrong or old signature, all the same. `unknown`: neither snapshot nor D1 could be reached. The secret
 * comes from the snapshot, so that events are taken while D1 is down. Never throws.
 */
export async function verifySignature(
  { snapshots, inboundSecrets }: { snapshots: Pick<Snapshots, "read">; inboundSecrets: Pick<InboundSecretStore, "open"> },
  tenant: string,
  headers: Headers,
  body: Uint8Array,
  now: number,
): Promise<SignatureCheck> {
  const lookup = await snapshots.read(tenant, now);
  if (lookup.state === "unknown") return { state: "unknown" };
  const sealed = lookup.state === "known" ? lookup.snapshot.sections.events?.door : null;
  const secrets = sealed ? await inboundSecrets.open(tenant, sealed, now) : [];
  const checked = await verify(secrets, headers, body, now);
  return checked.ok ? { state: "verified", id: checked.id } : { state: "refused" };
}

interface Key {
  secret: string;
  /** Valid until this time (milliseconds); undefined: until it is replaced. */
  until?: number;
}

/** The current key first; empty when they cannot be opened. */
async function keysIn({ vault }: EndpointDeps, tenant: string, sealed: string): Promise<Key[]> {
  const opened = await vault.open(tenant, secretName, sealed);
  return opened.ok ? (JSON.parse(opened.text) as Key[]) : [];
}

const secretName = "event-door";

const putSql = `
  INSERT INTO event_doors (tenant, secret, updated) VALUES (?1, ?2, ?3)
  ON CONFLICT (tenant) DO UPDATE SET secret = excluded.secret, updated = excluded.updated`;

const sectionSql = `
  SELECT (SELECT secret FROM event_doors WHERE tenant = ?1) AS door,
    EXISTS (SELECT 1 FROM subscriptions WHERE tenant = ?1 AND jobs = 1 AND retired IS NULL) AS jobs`;
